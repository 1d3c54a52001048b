// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { createCaseIndex } from './case-twins.ts';
import type { Entry, Image } from './catalogue-entry.ts';
import { type Links, linkedPaths } from './linked-paths.ts';
import { type Taken, takenBytes } from './taken-bytes.ts';

export type ImageState = Image['state'];

/** What the catalogue knows, with sums that are kept rather than made: nothing here walks through all images. */
export interface EntryTable {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Symbolic links to images and to folders below the root, and the paths of those. */
  readonly links: Links;
  /** Those without a digest. */
  readonly unhashed: ReadonlyMap<string, Entry>;
  /** Sound container archives. */
  readonly containers: ReadonlyMap<string, Entry>;
  /** Another one whenever {@link EntryTable.containers} says something else. */
  containersRevision(): number;
  /** An image, or a link to one, whose path differs from a path in case alone; undefined: none, or it is here itself. */
  caseTwinOf(path: string): string | undefined;
  /** The paths of files that have further names. */
  withOtherNames(): Iterable<string>;
  set(path: string, entry: Entry, hasOtherNames: boolean): void;
  /** Takes over how many names a file has by now. */
  noteNames(path: string, hasOtherNames: boolean): void;
  /** @returns whether there was one */
  delete(path: string): boolean;
  /** Takes over something of an entry; nothing where it is not, or no longer, the one at its path. */
  change(path: string, entry: Entry, changes: Partial<Omit<Entry, 'version'>>): void;
  /** @param target undefined: the link is gone, or leads to no image */
  setLink(path: string, target: string | undefined): void;
  /** Another one whenever a list of the images may say something else. */
  revision(): string;
  /** How many images, links to them included, there are in each state. */
  counts(): Readonly<Record<ImageState, number>>;
  /** What all images take on the disk, without those at paths that are to be replaced. */
  totalBytes(replaced?: ReadonlySet<string>): number;
}

const stateOf = ({ sha256, isCorrupt }: Entry): ImageState => {
  if (sha256 === null) return 'hashing';
  return isCorrupt ? 'corrupt' : 'ready';
};

const isSoundContainer = (entry: Entry): boolean =>
  entry.detected.format === 'container' && stateOf(entry) === 'ready';

export function createEntryTable(): EntryTable {
  const entries = new Map<string, Entry>();
  const links = new Map<string, string>();
  const unhashed = new Map<string, Entry>();
  const containers = new Map<string, Entry>();
  const cases = createCaseIndex((path) => entries.has(links.get(path) ?? path));
  let containerChanges = 0;
  /** Files that may stand at several paths, and count once. */
  const shared = new Map<string, Taken>();
  const counted: Record<ImageState, number> = { hashing: 0, ready: 0, corrupt: 0 };
  /** Of those that stand at one path alone. */
  let ownBytes = 0;
  /** Of this process, and then counted: what a client remembers of another process never fits. */
  const firstRevision = randomUUID();
  let changes = 0;

  function count(path: string, entry: Entry): void {
    counted[stateOf(entry)] += 1;
    if (entry.sha256 === null) unhashed.set(path, entry);
    if (!isSoundContainer(entry)) return;
    containers.set(path, entry);
    containerChanges += 1;
  }

  function uncount(path: string, entry: Entry): void {
    counted[stateOf(entry)] -= 1;
    unhashed.delete(path);
    if (containers.delete(path)) containerChanges += 1;
  }

  function remove(path: string): boolean {
    const entry = entries.get(path);
    if (entry === undefined) return false;
    changes += 1;
    entries.delete(path);
    if (!links.has(path)) cases.delete(path);
    uncount(path, entry);
    if (!shared.delete(path)) ownBytes -= entry.version.sizeBytes;
    return true;
  }

  return {
    entries,
    links,
    unhashed,
    containers,
    caseTwinOf: cases.twinOf,
    containersRevision: () => containerChanges,
    withOtherNames: () => shared.keys(),
    delete: remove,
    set(path, entry, hasOtherNames) {
      remove(path);
      changes += 1;
      entries.set(path, entry);
      cases.add(path);
      count(path, entry);
      if (hasOtherNames) shared.set(path, entry);
      else ownBytes += entry.version.sizeBytes;
    },
    noteNames(path, hasOtherNames) {
      const entry = entries.get(path);
      if (entry === undefined || shared.has(path) === hasOtherNames) return;
      if (hasOtherNames) shared.set(path, entry);
      else shared.delete(path);
      ownBytes += hasOtherNames ? -entry.version.sizeBytes : entry.version.sizeBytes;
    },
    change(path, entry, changed) {
      if (entries.get(path) !== entry) return;
      changes += 1;
      uncount(path, entry);
      Object.assign(entry, changed);
      count(path, entry);
    },
    setLink(path, target) {
      if (links.get(path) === target) return;
      changes += 1;
      if (target === undefined) {
        links.delete(path);
        if (!entries.has(path)) cases.delete(path);
      } else {
        links.set(path, target);
        cases.add(path);
      }
    },
    revision: () => `${firstRevision}-${changes}`,
    counts() {
      const counts = { ...counted };
      for (const [, file] of linkedPaths(links, entries)) {
        const entry = entries.get(file);
        if (entry !== undefined) counts[stateOf(entry)] += 1;
      }
      return counts;
    },
    totalBytes(replaced = new Set()) {
      let bytes = ownBytes + takenBytes(shared, replaced);
      for (const path of replaced) {
        if (!shared.has(path)) bytes -= entries.get(path)?.version.sizeBytes ?? 0;
      }
      return bytes;
    },
  };
}
