// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import type { ImageDescription } from '../formats/image-description.ts';
import type { EntryTable } from './entry-table.ts';
import type { ImageIndex } from './image-index.ts';

export interface DescribeAgainDeps {
  readonly table: EntryTable;
  readonly index: Pick<ImageIndex, 'describe'>;
  detect(path: string, sizeBytes: number): Promise<ImageDescription>;
  /** In milliseconds, of a clock that only goes forward. */
  readonly elapsed: () => number;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

const AT_ONCE = 50;
/** It takes at most so small a part of the time. */
const SHARE = 1000;

/**
 * Describes once more what was described by an earlier run: a newer program may say more of the same content. A
 * start need not wait for that.
 */
export async function describeAgain(deps: DescribeAgainDeps, signal: AbortSignal): Promise<void> {
  const { table, index, detect, elapsed, wait } = deps;
  let startedMs = elapsed();
  for (const [position, path] of [...table.entries.keys()].entries()) {
    if (signal.aborted) return;
    const entry = table.entries.get(path);
    const detected = entry && (await detect(path, entry.version.sizeBytes).catch(() => undefined));
    if (entry !== undefined && detected !== undefined && !isDeepStrictEqual(detected, entry.detected)) {
      table.change(path, entry, { detected });
      index.describe(path, entry.version, detected);
    }
    if (position % AT_ONCE !== AT_ONCE - 1) continue;
    await wait((elapsed() - startedMs) * SHARE, signal);
    startedMs = elapsed();
  }
}
