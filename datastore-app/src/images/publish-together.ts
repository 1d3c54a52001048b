// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { lstat, readFile, rename, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';
import { type FileVersion, isSameButChangeTime, versionOf } from '../content/file-version.ts';
import type { Placer } from '../content/placer.ts';
import { makeIncomingDirectory, readIncoming, removeFile, type StagedImage } from '../content/staging.ts';
import { asStoreError, StoreError } from '../content/store-error.ts';
import { type BundleEntry, type BundleJournal, parseJournal, writeJournal } from './bundle-journal.ts';
import { openImageDirectory } from './image-directory.ts';
import { makeImageDirectory, removeEmptyDirectories, requirePlaceable, splitPath } from './placing.ts';
import type { Publication, PublishedImage } from './publication.ts';
import type { ReleasedImages } from './released-images.ts';

/** Staged content, and the path that it is to have. */
export interface Placement {
  readonly path: string;
  readonly staged: StagedImage;
}

/**
 * Publishes several images, all or none. What is to be done is written down before the first of them changes
 * its place (the journal); where the program or the power goes away half-way, {@link GroupPublisher.recover}
 * carries on and completes it, or undoes all of it where that is impossible. For some milliseconds a reader
 * can see some of the images and not yet the others; where the file system has no hard links, also none where
 * one is being replaced.
 */
export interface GroupPublisher {
  /** @throws StoreError, whose message names the image; then all is as it was */
  publish(placements: readonly Placement[], options: { replace: boolean }): Promise<GroupPublication>;
  /** Completes or undoes what was cut off at least so long ago. */
  recover(olderThanMs: number): Promise<Recovery>;
}

export interface GroupPublication {
  readonly images: readonly PublishedImage[];
  /** The same, as they stand at their paths. */
  readonly publications: readonly Publication[];
}

export interface Recovery {
  /** The images that came to be. */
  readonly published: readonly Publication[];
  /** Why others did not. */
  readonly failures: readonly string[];
}

const JOURNAL_SUFFIX = '.bundle.json';
const REPLACED_SUFFIX = '.replaced';
const absent = (error: unknown) => {
  if (systemErrorCode(error) !== 'ENOENT') throw error;
  return undefined;
};

/** undefined: there is nothing, or no file. */
async function fileAt(file: string): Promise<FileVersion | undefined> {
  const stats = await lstat(file, { bigint: true }).catch(absent);
  return stats?.isFile() ? versionOf(stats) : undefined;
}

const isContentOf = ({ sizeBytes, mtimeNs }: BundleEntry, version: FileVersion | undefined): boolean =>
  version?.sizeBytes === sizeBytes && version.mtimeNs === mtimeNs;

export function createGroupPublisher(
  {
    now,
    placer,
    released,
  }: {
    readonly now: () => number;
    readonly placer: Placer;
    readonly released: Pick<ReleasedImages, 'find'>;
  },
  { root, incoming }: { readonly root: string; readonly incoming: string },
): GroupPublisher {
  const current = new Set<string>();
  const journalOf = (id: string) => join(incoming, `${id}${JOURNAL_SUFFIX}`);

  /** Gives one image its place. @returns whether the path was free */
  async function carryOut(entry: BundleEntry, replace: boolean): Promise<boolean> {
    const staged = join(incoming, entry.staged);
    const replaced = join(incoming, entry.replaced);
    const { folders, name } = splitPath(entry.path);
    const directory = await makeImageDirectory(root, folders);
    try {
      const target = directory.entry(name);
      const there = await fileAt(target);
      const isReplacing = replace && there !== undefined && there.inode !== (await fileAt(staged))?.inode;
      if (isReplacing) {
        await removeFile(replaced);
        await placer.setAside(target, replaced);
      }
      const isFree = await placer.place(staged, target, { replace });
      await directory.sync();
      return isFree && !isReplacing;
    } finally {
      await directory.close();
    }
  }

  /** Puts back what one image replaced. To do it twice does no harm: its content is kept till the end. */
  async function undo(entry: BundleEntry): Promise<void> {
    const { folders, name } = splitPath(entry.path);
    const [staged, replaced] = [join(incoming, entry.staged), join(incoming, entry.replaced)];
    const directory = await openImageDirectory(root, folders, { create: false }).catch((error) => {
      // Something else stands where the folder would be: the image never came to its place.
      if (!(error instanceof StoreError)) throw error;
      return undefined;
    });
    try {
      if (directory !== undefined) {
        const target = directory.entry(name);
        const [there, kept] = [await fileAt(target), await fileAt(staged)];
        if (there !== undefined && there.inode === kept?.inode) await removeFile(target);
        else if (kept === undefined && isContentOf(entry, there)) await rename(target, staged);
        const isFree = (await fileAt(target)) === undefined;
        if (isFree && (await fileAt(replaced)) !== undefined) await rename(replaced, target);
        await directory.sync();
      }
    } finally {
      await directory?.close();
    }
    await removeEmptyDirectories(root, folders);
  }

  async function finish(id: string, entries: readonly BundleEntry[]): Promise<void> {
    await removeFile(journalOf(id));
    await syncDirectory(incoming);
    for (const { replaced, staged } of entries) {
      await removeFile(join(incoming, replaced));
      await removeFile(join(incoming, staged));
    }
  }

  async function undoAll(id: string, journal: BundleJournal): Promise<void> {
    await writeJournal(journalOf(id), { ...journal, step: 'undoing' });
    for (const entry of journal.entries.toReversed()) await undo(entry);
    await finish(id, journal.entries);
  }

  /** @returns the paths that were free before */
  async function carryOutAll(id: string, journal: BundleJournal): Promise<Set<string>> {
    const isNew = new Set<string>();
    for (const entry of journal.entries) {
      // Gone already: it was given its place before the program was cut off.
      if ((await fileAt(join(incoming, entry.staged))) === undefined) continue;
      try {
        if (await carryOut(entry, journal.replace)) isNew.add(entry.path);
      } catch (error) {
        await undoAll(id, journal);
        const known = asStoreError(error);
        if (!(known instanceof StoreError)) throw error;
        throw new StoreError(known.code, `"${entry.path}": ${known.message}`, { cause: error });
      }
    }
    await finish(id, journal.entries);
    return isNew;
  }

  async function versionAt(path: string): Promise<FileVersion | undefined> {
    const stats = await stat(join(root, path), { bigint: true }).catch(absent);
    return stats && versionOf(stats);
  }

  async function recoverOne(id: string, journal: BundleJournal): Promise<Publication[]> {
    if (journal.step === 'undoing') {
      await undoAll(id, journal);
      return [];
    }
    await carryOutAll(id, journal);
    const publications: Publication[] = [];
    for (const entry of journal.entries) {
      const { path, sha256 } = entry;
      const version = await versionAt(path);
      if (version !== undefined && isContentOf(entry, version)) publications.push({ path, version, sha256 });
    }
    return publications;
  }

  return {
    async publish(placements, { replace }) {
      if (placements.length === 0) return { images: [], publications: [] };
      for (const { path, staged } of placements) {
        const wanted = { replace, sha256: staged.sha256 };
        await requirePlaceable({ root, released }, path, wanted).catch((error) => {
          if (!(error instanceof StoreError)) throw error;
          throw new StoreError(error.code, `"${path}": ${error.message}`, { cause: error });
        });
      }
      const id = randomUUID();
      const entries = placements.map(({ path, staged }, index) => ({
        path,
        staged: basename(staged.file),
        replaced: `${id}-${index}${REPLACED_SUFFIX}`,
        sizeBytes: staged.version.sizeBytes,
        mtimeNs: staged.version.mtimeNs,
        sha256: staged.sha256,
      }));
      const journal: BundleJournal = { step: 'publishing', replace, entries };
      current.add(id);
      try {
        await makeIncomingDirectory(incoming);
        await writeJournal(journalOf(id), journal);
        const isNew = await carryOutAll(id, journal);
        const publications: Publication[] = [];
        for (const { path, staged } of placements) {
          const { version: before, sha256 } = staged;
          const there = await versionAt(path);
          // Its new name moved the change time. What another put there since then is not what was checked.
          const isOurs = there !== undefined && isSameButChangeTime(there, before);
          publications.push({ path, version: isOurs ? there : before, sha256 });
        }
        const images = publications.map(({ path, version: { sizeBytes }, sha256 }) => {
          return { path, sizeBytes, sha256, isNew: isNew.has(path) };
        });
        return { images, publications };
      } finally {
        current.delete(id);
      }
    },

    async recover(olderThanMs) {
      const names = await readIncoming(incoming);
      const published: Publication[] = [];
      const failures: string[] = [];
      const alive = new Set<string>();
      for (const name of names.filter((candidate) => candidate.endsWith(JOURNAL_SUFFIX))) {
        const id = name.slice(0, -JOURNAL_SUFFIX.length);
        const writtenMs = await stat(journalOf(id)).then(({ mtimeMs }) => mtimeMs, now);
        // A device whose clock lost the time with its power is earlier than what it wrote before.
        const age = Math.max(0, now() - writtenMs);
        if (current.has(id) || age < olderThanMs) {
          alive.add(id);
          continue;
        }
        try {
          const text = await readFile(journalOf(id), 'utf8');
          published.push(...(await recoverOne(id, parseJournal(text))));
        } catch (error) {
          // What it replaced may have no other name.
          alive.add(id);
          failures.push(errorMessage(error));
        }
      }
      const isLeft = (name: string) =>
        name.endsWith(REPLACED_SUFFIX) || name.endsWith(`${JOURNAL_SUFFIX}.new`);
      for (const name of names.filter(isLeft)) {
        if (![...alive].some((id) => name.startsWith(id))) await removeFile(join(incoming, name));
      }
      return { published, failures };
    },
  };
}
