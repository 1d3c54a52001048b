// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory } from '@local-datastore/shared/files/durable-file';
import { removeFile } from '@local-datastore/shared/files/remove-file';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import * as z from 'zod';
import type { StoredRecord } from '../transfer/target.ts';
import { validatorsSchema } from '../transfer/validators.ts';
import { type BlockFile, openBlockFile } from './block-file.ts';
import { SpaceError, TargetError } from './errors.ts';
import { requireFreeSpace } from './free-space.ts';

const VERSION = 1;
const recordSchema = z
  .object({
    version: z.literal(VERSION),
    url: z.string(),
    /** The digits of sha256, or of sha512. */
    sha256: z
      .string()
      .regex(/^(?:[0-9a-f]{64}|[0-9a-f]{128})$/)
      .nullable(),
    totalBytes: z.number().int().nonnegative().nullable(),
    validators: validatorsSchema,
  })
  .transform(
    ({ url, sha256, totalBytes, validators }): StoredRecord => ({
      ...{ url, totalBytes, validators },
      digest: sha256 === null ? null : digestOfHex(sha256),
    }),
  );

/** A download on its way to its target, in a hidden file beside it. */
export interface PartialFile {
  readonly path: string;
  readonly file: BlockFile;
  /** What an earlier run left; null when there is nothing, or nothing that can be told where it came from. */
  readonly stored: { readonly record: StoredRecord; readonly sizeBytes: number } | null;
  /** @throws SpaceError when the file system has less than this free */
  requireSpace(neededBytes: number): Promise<void>;
  writeRecord(record: StoredRecord): Promise<void>;
  /** Syncs, gives the file its name and syncs the directory: after it the target is whole, whatever happens. */
  publish(): Promise<void>;
  /** Removes file and record. */
  discard(): Promise<void>;
  /** Leaves nothing behind of a download that never got a byte. */
  discardIfEmpty(): Promise<void>;
  close(): Promise<void>;
}

/** The longest name that leaves room for what is put around it (NAME_MAX is 255). */
const MAX_PLAIN_NAME_BYTES = 200;

/** The hidden neighbours of a target. */
export function partialPaths(target: string): { readonly file: string; readonly record: string } {
  const name = basename(target);
  const stem =
    Buffer.byteLength(name) <= MAX_PLAIN_NAME_BYTES ? name : createHash('sha256').update(name).digest('hex');
  const file = join(dirname(target), `.${stem}.partial`);
  return { file, record: `${file}.json` };
}

async function readRecord(path: string): Promise<StoredRecord | null> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // Absent, cut short by a power loss, or of another version: the download starts over.
    return null;
  }
}

/** Translates what the system says about the target's file into the project's errors. */
export function wrapStorageError(error: unknown, target: string): Error {
  const code = systemErrorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SpaceError('NO_SPACE', `no space left for ${target}`, { cause: error });
  }
  if (error instanceof Error && 'syscall' in error) {
    return new TargetError('TARGET_UNWRITABLE', `${target} cannot be written: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  return error as Error;
}

/** @throws the system's error when the directory does not exist or may not be written */
export async function openPartialFile(target: string): Promise<PartialFile> {
  const paths = partialPaths(target);
  const directory = dirname(target);
  const temporary = `${paths.record}.new`;
  const record = await readRecord(paths.record);
  // Left by a run that was killed while it wrote one.
  await removeFile(temporary);
  const file = await openBlockFile(paths.file);
  const { size: sizeBytes } = await stat(paths.file);

  async function discard(): Promise<void> {
    await removeFile(paths.file);
    await removeFile(paths.record);
  }

  return {
    path: paths.file,
    file,
    stored: record !== null && sizeBytes > 0 ? { record, sizeBytes } : null,
    requireSpace: (neededBytes) => requireFreeSpace(target, neededBytes),
    async writeRecord({ digest, ...next }) {
      const text = JSON.stringify({ version: VERSION, ...next, sha256: digest?.hex ?? null });
      await writeFile(temporary, text);
      await rename(temporary, paths.record);
    },
    async publish() {
      await file.sync();
      if (!(await file.isInPlace())) {
        const message = `another download to ${target} took its place: wait for it, or choose another file with -o`;
        throw new TargetError('TARGET_BUSY', message);
      }
      await rename(paths.file, target);
      await removeFile(paths.record);
      await syncDirectory(directory);
    },
    discard,
    async discardIfEmpty() {
      const left = await stat(paths.file).catch(() => null);
      if (left?.size === 0 && (await file.isInPlace())) await discard();
    },
    close: () => file.close(),
  };
}
