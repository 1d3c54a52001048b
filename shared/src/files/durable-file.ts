// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { link, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemErrorCode } from '../errors.ts';

/** Makes names that were created, renamed or removed in a directory survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file that its content has reached when this returns; its name survives a power cut after
 * {@link syncDirectory}.
 *
 * @param flags `wx`: there must be none yet, and no link in its place
 */
export async function writeSynced(
  file: string,
  content: string | Uint8Array | Iterable<string>,
  { mode, flags = 'wx' }: { readonly mode: number; readonly flags?: 'w' | 'wx' },
): Promise<void> {
  const handle = await open(file, flags, mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Replaces a file so that at every moment, even after a power cut, it holds the old or the new content.
 *
 * @param content the whole, or pieces that are made one after another
 */
export async function writeDurably(
  file: string,
  content: string | Uint8Array | Iterable<string>,
  { mode = 0o644 }: { readonly mode?: number } = {},
): Promise<void> {
  const temporary = `${file}.new`;
  try {
    await writeSynced(temporary, content, { mode, flags: 'w' });
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await syncDirectory(dirname(file));
}

/**
 * Makes a file unless there is one already, or another process is quicker. It appears with its content, and survives
 * a power cut.
 */
export async function createDurably(
  file: string,
  content: string,
  { mode }: { readonly mode: number },
): Promise<void> {
  // Not by the number of the process: in containers that share a volume both have the number 1.
  const temporary = join(dirname(file), `.${basename(file)}.${randomUUID()}`);
  await writeSynced(temporary, content, { mode });
  try {
    await link(temporary, file);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(temporary);
  }
  await syncDirectory(dirname(file));
}
