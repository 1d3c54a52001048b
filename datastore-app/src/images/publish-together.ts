import { randomUUID } from 'node:crypto';
import { link, lstat, readFile, rename, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import * as z from 'zod';
import { syncDirectory, writeDurably } from './durable-file.ts';
import { type FileVersion, versionOf } from './file-version.ts';
import { openImageDirectory } from './image-directory.ts';
import { makeImageDirectory, place, removeEmptyDirectories, requirePlaceable, splitPath } from './placing.ts';
import type { Publication, PublishedImage } from './publication.ts';
import { makeIncomingDirectory, readIncoming, removeFile, type StagedImage } from './staging.ts';
import { StoreError } from './store-error.ts';

/** Staged content, and the path that it is to have. */
export interface Placement {
  readonly path: string;
  readonly staged: StagedImage;
}

/**
 * Publishes several images, all or none. What is to be done is written down before the first of them changes
 * its place (the journal); where the program or the power goes away half-way, {@link GroupPublisher.recover}
 * carries on and completes it, or undoes all of it where that is impossible. For some milliseconds a reader
 * can see some of the images and not yet the others.
 */
export interface GroupPublisher {
  /** @throws StoreError, whose message names the image; then all is as it was */
  publish(placements: readonly Placement[], options: { replace: boolean }): Promise<PublishedImage[]>;
  /** Completes or undoes what was cut off at least so long ago. */
  recover(olderThanMs: number): Promise<Recovery>;
}

export interface Recovery {
  /** The images that came to be. */
  readonly published: readonly Publication[];
  /** Why others did not. */
  readonly failures: readonly string[];
}

const JOURNAL_SUFFIX = '.bundle.json';
const REPLACED_SUFFIX = '.replaced';
const bigintText = z
  .string()
  .regex(/^-?\d{1,20}$/)
  .transform(BigInt);
const fileName = z.string().regex(/^[\w.-]{1,128}$/);

const journalSchema = z.object({
  step: z.enum(['publishing', 'undoing']),
  replace: z.boolean(),
  entries: z.array(
    z.object({
      path: z.string(),
      staged: fileName,
      /** A second name of the image that had the path before. */
      replaced: fileName,
      inode: bigintText,
      sha256: z.string(),
    }),
  ),
});

type Journal = z.infer<typeof journalSchema>;
type Entry = Journal['entries'][number];

const absent = (error: unknown) => {
  if (systemErrorCode(error) !== 'ENOENT') throw error;
  return undefined;
};

/** undefined: there is nothing, or no file. */
async function inodeOf(file: string): Promise<bigint | undefined> {
  const stats = await lstat(file, { bigint: true }).catch(absent);
  return stats?.isFile() ? stats.ino : undefined;
}

export function createGroupPublisher(
  { now }: { readonly now: () => number },
  { root, incoming }: { readonly root: string; readonly incoming: string },
): GroupPublisher {
  const current = new Set<string>();
  const journalOf = (id: string) => join(incoming, `${id}${JOURNAL_SUFFIX}`);

  function write(id: string, journal: Journal): Promise<void> {
    const asText = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
    return writeDurably(journalOf(id), `${JSON.stringify(journal, asText)}\n`);
  }

  /** Gives one image its place. @returns whether the path was free */
  async function carryOut(entry: Entry, replace: boolean): Promise<boolean> {
    const staged = join(incoming, entry.staged);
    const { folders, name } = splitPath(entry.path);
    const directory = await makeImageDirectory(root, folders);
    try {
      const target = directory.entry(name);
      const inode = await inodeOf(target);
      const isReplacing = replace && inode !== undefined && inode !== entry.inode;
      if (isReplacing) {
        await removeFile(join(incoming, entry.replaced));
        await link(target, join(incoming, entry.replaced));
      }
      const isNew = await place(staged, target, { replace });
      await directory.sync();
      return isNew;
    } finally {
      await directory.close();
    }
  }

  /** Puts back what one image replaced, and removes its content. */
  async function undo({ path, staged, replaced, inode }: Entry): Promise<void> {
    const { folders, name } = splitPath(path);
    const before = join(incoming, replaced);
    const directory = await openImageDirectory(root, folders, { create: false }).catch((error) => {
      // Something else stands where the folder would be: the image never came to its place.
      if (!(error instanceof StoreError)) throw error;
      return undefined;
    });
    try {
      if (directory !== undefined && (await inodeOf(directory.entry(name))) === inode) {
        if ((await inodeOf(before)) === undefined) await removeFile(directory.entry(name));
        else await rename(before, directory.entry(name));
        await directory.sync();
      }
    } finally {
      await directory?.close();
    }
    await removeFile(before);
    await removeFile(join(incoming, staged));
    await removeEmptyDirectories(root, folders);
  }

  async function finish(id: string, entries: readonly Entry[]): Promise<void> {
    await removeFile(journalOf(id));
    await syncDirectory(incoming);
    for (const { replaced } of entries) await removeFile(join(incoming, replaced));
  }

  async function undoAll(id: string, journal: Journal): Promise<void> {
    await write(id, { ...journal, step: 'undoing' });
    for (const entry of journal.entries.toReversed()) await undo(entry);
    await finish(id, journal.entries);
  }

  /** @returns the paths that were free before */
  async function carryOutAll(id: string, journal: Journal): Promise<Set<string>> {
    const isNew = new Set<string>();
    for (const entry of journal.entries) {
      // Gone already: it was given its place before the program was cut off.
      if ((await inodeOf(join(incoming, entry.staged))) === undefined) continue;
      try {
        if (await carryOut(entry, journal.replace)) isNew.add(entry.path);
      } catch (error) {
        await undoAll(id, journal);
        if (!(error instanceof StoreError)) throw error;
        throw new StoreError(error.code, `"${entry.path}": ${error.message}`, { cause: error });
      }
    }
    await finish(id, journal.entries);
    return isNew;
  }

  async function versionAt(path: string): Promise<FileVersion | undefined> {
    const stats = await stat(join(root, path), { bigint: true }).catch(absent);
    return stats && versionOf(stats);
  }

  async function recoverOne(id: string, journal: Journal): Promise<Publication[]> {
    if (journal.step === 'undoing') {
      await undoAll(id, journal);
      return [];
    }
    await carryOutAll(id, journal);
    const publications: Publication[] = [];
    for (const { path, sha256, inode } of journal.entries) {
      const version = await versionAt(path);
      if (version?.inode === inode) publications.push({ path, version, sha256 });
    }
    return publications;
  }

  return {
    async publish(placements, { replace }) {
      if (placements.length === 0) return [];
      for (const { path } of placements) {
        await requirePlaceable(root, path, { replace }).catch((error) => {
          if (!(error instanceof StoreError)) throw error;
          throw new StoreError(error.code, `"${path}": ${error.message}`, { cause: error });
        });
      }
      const id = randomUUID();
      const entries = placements.map(({ path, staged }, index) => ({
        path,
        staged: basename(staged.file),
        replaced: `${id}-${index}${REPLACED_SUFFIX}`,
        inode: staged.version.inode,
        sha256: staged.sha256,
      }));
      const journal: Journal = { step: 'publishing', replace, entries };
      current.add(id);
      try {
        await makeIncomingDirectory(incoming);
        await write(id, journal);
        const isNew = await carryOutAll(id, journal);
        return placements.map(({ path, staged: { version, sha256 } }) => ({
          path,
          sizeBytes: version.sizeBytes,
          sha256,
          isNew: isNew.has(path),
        }));
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
        const age = now() - (await stat(journalOf(id)).then(({ mtimeMs }) => mtimeMs, now));
        if (current.has(id) || age < olderThanMs) {
          alive.add(id);
          continue;
        }
        try {
          const text = await readFile(journalOf(id), 'utf8');
          published.push(...(await recoverOne(id, journalSchema.parse(JSON.parse(text)))));
        } catch (error) {
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
