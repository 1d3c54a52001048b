// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import { type FileVersion, isSameVersion } from '../content/file-version.ts';
import type { ImageDescription } from '../formats/image-description.ts';
import { problem } from '../formats/image-source.ts';
import { UnreadableContentError } from '../parsing/file-parser.ts';
import type { Entry } from './catalogue-entry.ts';
import type { EntryTable } from './entry-table.ts';
import type { ImageIndex } from './image-index.ts';
import { isWithin } from './image-path.ts';
import { createInterner } from './interner.ts';
import type { FoundImages, ScannedFile } from './scan.ts';
import { beginGrowth, firstSeen, type Growth } from './settling.ts';

/** What is listed at most; more is served, but neither hashed nor listed. */
export const MAX_IMAGES = 100_000;

/** What a look found, and what it is that was looked at. */
export interface LookResult {
  readonly found: FoundImages;
  /** What is not found at or below these is gone. The empty path is the root itself. */
  readonly lookedAt: ReadonlySet<string>;
  /** Whether a path was looked at by another look meanwhile: what is known of it is newer. */
  isOutdated(path: string): boolean;
}

/** Takes over into the table what looks find. */
export interface ScanMerge {
  /** @returns whether there are more images than are listed */
  merge(result: LookResult): Promise<boolean>;
  /** The paths of all symbolic links that were found, wherever they lead. */
  symbolicLinks(): Iterable<string>;
  /** Adds a folder that came to be, so that its images go with it. */
  noteDirectory(path: string): void;
}

export interface ScanMergeDeps {
  readonly log: Log;
  readonly table: EntryTable;
  readonly index: Pick<
    ImageIndex,
    'digestOf' | 'verifiedOf' | 'soundDigestOf' | 'descriptionOf' | 'describe'
  >;
  detect(path: string, sizeBytes: number): Promise<ImageDescription>;
  /** In milliseconds, of a clock that only goes forward. */
  readonly elapsed: () => number;
}

/** What the new files of one look have in common. */
interface Shared {
  /** When it was looked, in milliseconds of a clock that only goes forward. */
  readonly startedMs: number;
  readonly alike: (description: ImageDescription) => ImageDescription;
  /** Of a file at a path that had none. */
  readonly firstGrowth: Growth;
}

/** So many files are opened at the same time, to tell their formats. */
const DETECTED_AT_ONCE = 8;
const UNKNOWN: ImageDescription = { format: 'raw', content: 'raw', virtualSizeBytes: null, problems: [] };

/** Of a file whose parsing failed: what it is nobody knows. */
const unreadable = (reason: string): ImageDescription => ({
  ...{ format: 'raw', content: 'unreadable', virtualSizeBytes: null },
  problems: [problem('UNREADABLE', `Its format could not be read: ${reason}.`)],
});

const fileKey = ({ device, inode }: FileVersion) => `${device}:${inode}`;

export function createScanMerge({ log, table, index, detect, elapsed }: ScanMergeDeps): ScanMerge {
  const directories = new Set<string>();
  const symbolicLinks = new Set<string>();
  let isFirst = true;

  /** What of some paths was looked at: by them alone where none of those is a folder, or was one. */
  function covered(paths: ReadonlyMap<string, unknown> | ReadonlySet<string>, result: LookResult): string[] {
    const { found, lookedAt } = result;
    const isDeep = found.directories.length > 0 || [...lookedAt].some((path) => directories.has(path));
    const candidates = isDeep ? [...paths.keys()].filter((path) => isWithin(path, lookedAt)) : lookedAt;
    return [...candidates].filter((path) => paths.has(path) && !result.isOutdated(path));
  }

  function mergeLinks(result: LookResult): void {
    const { links, allLinks } = result.found;
    for (const path of covered(table.links, result)) if (!links.has(path)) table.setLink(path, undefined);
    for (const [path, target] of links) if (!result.isOutdated(path)) table.setLink(path, target);
    for (const path of covered(symbolicLinks, result)) symbolicLinks.delete(path);
    for (const path of allLinks) symbolicLinks.add(path);
  }

  function removeMissing(result: LookResult): void {
    const there = new Set(result.found.files.map(({ path }) => path));
    for (const path of covered(table.entries, result)) {
      if (there.has(path)) continue;
      table.delete(path);
      log.info({ path }, 'an image is gone');
    }
    for (const path of covered(directories, result)) directories.delete(path);
    for (const path of result.found.directories) directories.add(path);
  }

  function takeSeenBefore(path: string, entry: Entry, { hasOtherNames }: ScannedFile): void {
    table.noteNames(path, hasOtherNames);
    if (entry.sha256 !== null) return;
    // A look may have come between a file and the news of it.
    const sha256 = index.digestOf(path, entry.version);
    if (sha256 !== undefined) {
      const { verified = null } = index.verifiedOf(path, entry.version) ?? {};
      table.change(path, entry, { sha256, verified });
    }
    entry.growth = { ...entry.growth, looks: entry.growth.looks + 1 };
  }

  /** What is remembered of a file, or else what its content says. */
  async function describe({ path, version }: ScannedFile): Promise<ImageDescription> {
    const remembered = index.descriptionOf(path, version);
    if (remembered !== undefined) return remembered;
    const description = await detect(path, version.sizeBytes).catch((error) =>
      error instanceof UnreadableContentError ? unreadable(error.message) : undefined,
    );
    if (description !== undefined) index.describe(path, version, description);
    return description ?? UNKNOWN;
  }

  /** What several files have in common is held once. */
  async function takeNew(
    file: ScannedFile,
    { isOutdated }: LookResult,
    { startedMs, alike, firstGrowth }: Shared,
  ): Promise<void> {
    const { path, version, hasOtherNames } = file;
    const detected = alike(await describe(file));
    if (isOutdated(path)) return;
    const before = table.entries.get(path);
    const sha256 = index.digestOf(path, version) ?? null;
    const { verified = null, isCorrupt = index.soundDigestOf(path, version) !== undefined } =
      index.verifiedOf(path, version) ?? {};
    const entry: Entry = {
      ...{ version, sha256, hashedBytes: 0, verified, isCorrupt, isSettled: false },
      growth: before === undefined ? firstGrowth : beginGrowth(version, before, startedMs, isFirst),
      ...{ detected, failures: 0, retryAtMs: 0 },
    };
    table.set(path, entry, hasOtherNames);
    if (before === undefined)
      log.info({ path, sizeBytes: version.sizeBytes, format: detected.format }, 'an image was found');
  }

  /** Those that have a further name by now, of which nothing was told. */
  function noteFurtherNames(files: readonly ScannedFile[]): void {
    const shared = new Set(files.map(({ version }) => fileKey(version)));
    if (shared.size === 0) return;
    for (const [path, { version }] of table.entries) {
      if (shared.has(fileKey(version))) table.noteNames(path, true);
    }
  }

  return {
    symbolicLinks: () => symbolicLinks,
    noteDirectory: (path) => directories.add(path),
    async merge(result) {
      const { found, isOutdated, lookedAt } = result;
      mergeLinks(result);
      removeMissing(result);
      let { isTruncated } = found;
      const isWhole = lookedAt.has('');
      const startedMs = elapsed();
      const shared: Shared = {
        ...{ startedMs, alike: createInterner<ImageDescription>() },
        firstGrowth: firstSeen(startedMs, isFirst),
      };
      const fresh: ScannedFile[] = [];
      let additions = 0;
      for (const file of found.files) {
        if (isOutdated(file.path)) continue;
        const entry = table.entries.get(file.path);
        if (entry !== undefined && isSameVersion(entry.version, file.version)) {
          takeSeenBefore(file.path, entry, file);
          continue;
        }
        if (entry === undefined) additions += 1;
        // What is found in all of the root is counted there.
        if (!isWhole && entry === undefined && table.entries.size + table.links.size + additions > MAX_IMAGES)
          isTruncated = true;
        else fresh.push(file);
      }
      const waiting = fresh[Symbol.iterator]();
      const takeAll = async () => {
        for (const file of waiting) await takeNew(file, result, shared);
      };
      await Promise.all(Array.from({ length: DETECTED_AT_ONCE }, takeAll));
      noteFurtherNames(fresh.filter(({ hasOtherNames }) => hasOtherNames));
      isFirst = false;
      return isTruncated;
    },
  };
}
