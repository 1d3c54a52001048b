// SPDX-License-Identifier: Apache-2.0
import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { deviceText } from './file-system-type.ts';

/**
 * How many files are read at the same time: a disk that turns reads one after another faster; of one that
 * nothing is known of two are read, so that a small image does not wait for a large one.
 *
 * @param isRotational undefined: not known, as of network shares and overlays
 */
export function decideReadsAtOnce(isRotational: boolean | undefined, processors: number): number {
  if (isRotational === true) return 1;
  if (isRotational === undefined) return 2;
  return Math.max(2, Math.min(4, processors - 1));
}

/** How many files of a folder are read at the same time. */
export async function readsAtOnceOf(folder: string): Promise<number> {
  const { dev } = await stat(folder, { bigint: true });
  const device = `/sys/dev/block/${deviceText(dev)}`;
  let isRotational: boolean | undefined;
  // A partition has no queue of its own: the disk above it has one.
  for (const queue of [`${device}/queue`, `${device}/../queue`]) {
    const text = await readFile(`${queue}/rotational`, 'utf8').catch(() => undefined);
    if (text !== undefined) isRotational ??= text.trim() === '1';
  }
  return decideReadsAtOnce(isRotational, availableParallelism());
}
