import { open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

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
  content: string | Iterable<string>,
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
export async function writeDurably(file: string, content: string | Iterable<string>): Promise<void> {
  const temporary = `${file}.new`;
  try {
    await writeSynced(temporary, content, { mode: 0o644, flags: 'w' });
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await syncDirectory(dirname(file));
}
