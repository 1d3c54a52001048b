// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeCacheName, QUICK_SCRIPT } from './script-loader.ts';

const MAKER = fileURLToPath(new URL('./make-code-cache.ts', import.meta.url));

/**
 * Writes the code cache of a program's quick script beside it, for the Node that runs this. The same script makes the
 * same cache, as V8 is given the seed of its hash tables.
 *
 * @param folder of the program's scripts
 * @returns the file
 * @throws Error when it cannot be written
 */
export function writeCodeCache(folder: string): string {
  const file = join(folder, codeCacheName(QUICK_SCRIPT));
  execFileSync(process.execPath, ['--hash-seed=1', MAKER, join(folder, QUICK_SCRIPT), file]);
  return file;
}
