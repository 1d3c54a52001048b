// SPDX-License-Identifier: Apache-2.0
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SpaceError } from './errors.ts';

/**
 * Makes sure that a file can be written, as far as its file system says so now.
 *
 * @param target absolute, of what is written
 * @param directory on whose file system
 * @throws SpaceError when less than this is free
 */
export async function requireFreeSpace(
  target: string,
  neededBytes: number,
  directory = dirname(target),
): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const freeBytes = bavail * bsize;
  if (neededBytes <= freeBytes) return;
  const message = `${target} needs ${neededBytes} more bytes, but only ${freeBytes} are free in ${directory}`;
  throw new SpaceError('NO_SPACE', message, { details: { neededBytes, freeBytes } });
}
