// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { lstat, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import * as z from 'zod';
import { makeIncomingDirectory, readIncoming, removeFile } from '../content/staging.ts';
import { StoreError } from '../content/store-error.ts';
import { type ImageDirectory, openImageDirectory } from './image-directory.ts';
import { isImagePath } from './image-path.ts';
import { removeEmptyDirectories, splitPath } from './placing.ts';

/**
 * Renames that are under way. Only by two calls a file gets another name and replaces none: for an instant it has both.
 * What was cut off there is completed with what is written down.
 */
export interface RenameJournal {
  /** Writes down what is to happen. @returns to be called when it has happened, or has failed */
  begin(path: string, to: string): Promise<() => Promise<void>>;
  /** Completes what was cut off at least so long ago. */
  recover(olderThanMs: number): Promise<RenameRecovery>;
}

export interface RenameRecovery {
  /** Paths that images have no more. */
  readonly left: readonly string[];
  /** Why others have both names still. */
  readonly failures: readonly string[];
}

const SUFFIX = '.rename.json';
const imagePath = z.string().refine(isImagePath, 'no path of an image');
const planSchema = z.object({ path: imagePath, to: imagePath });

/** undefined: there is no such folder, or none that images may stand in. */
async function findDirectory(root: string, folders: readonly string[]): Promise<ImageDirectory | undefined> {
  try {
    return await openImageDirectory(root, folders, { create: false });
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

async function fileAt(directory: ImageDirectory | undefined, name: string) {
  const found = await (directory && lstat(directory.entry(name), { bigint: true }))?.catch((error) => {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    return undefined;
  });
  return found?.isFile() ? found : undefined;
}

async function isSameFolder(one: ImageDirectory, other: ImageDirectory): Promise<boolean> {
  const [a, b] = [await lstat(one.entry('.')), await lstat(other.entry('.'))];
  return a.ino === b.ino && a.dev === b.dev;
}

export function createRenameJournal(
  { now }: { readonly now: () => number },
  { root, incoming }: { readonly root: string; readonly incoming: string },
): RenameJournal {
  const current = new Set<string>();

  /** @returns whether the old name was there still */
  async function complete({ path, to }: z.infer<typeof planSchema>): Promise<boolean> {
    const [from, target] = [splitPath(path), splitPath(to)];
    const old = await findDirectory(root, from.folders);
    const directory = await findDirectory(root, target.folders);
    try {
      const [there, here] = [await fileAt(old, from.name), await fileAt(directory, target.name)];
      const isBoth =
        there !== undefined && there.ino === here?.ino && there.dev === here.dev && there.nlink > 1n;
      if (!isBoth || old === undefined || directory === undefined) return false;
      // Links and mounts can lead to one name in two ways: there is no other to be had.
      if (from.name === target.name && (await isSameFolder(old, directory))) return false;
      await directory.sync();
      await unlink(old.entry(from.name));
      await old.sync();
      return true;
    } finally {
      await directory?.close();
      await old?.close();
      for (const { folders } of [from, target]) await removeEmptyDirectories(root, folders);
    }
  }

  return {
    async begin(path, to) {
      const name = `${randomUUID()}${SUFFIX}`;
      current.add(name);
      const file = join(incoming, name);
      const end = async () => {
        await removeFile(file);
        current.delete(name);
      };
      try {
        await makeIncomingDirectory(incoming);
        await writeDurably(file, JSON.stringify({ path, to }));
      } catch (error) {
        current.delete(name);
        throw error;
      }
      return end;
    },

    async recover(olderThanMs) {
      const left: string[] = [];
      const failures: string[] = [];
      const names = await readIncoming(incoming);
      for (const name of names.filter((each) => each.endsWith(SUFFIX) || each.endsWith(`${SUFFIX}.new`))) {
        const file = join(incoming, name);
        const writtenMs = await stat(file).then(({ mtimeMs }) => mtimeMs, now);
        // A device whose clock lost the time with its power is earlier than what it wrote before.
        if (current.has(name) || Math.max(0, now() - writtenMs) < olderThanMs) continue;
        try {
          // What is not whole was never begun.
          const text = name.endsWith(SUFFIX) ? await readFile(file, 'utf8') : undefined;
          const plan = text === undefined ? undefined : planSchema.parse(JSON.parse(text));
          if (plan !== undefined && (await complete(plan))) left.push(plan.path);
          await removeFile(file);
        } catch (error) {
          failures.push(errorMessage(error));
        }
      }
      return { left, failures };
    },
  };
}
