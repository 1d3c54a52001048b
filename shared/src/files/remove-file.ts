// SPDX-License-Identifier: Apache-2.0
import { unlink } from 'node:fs/promises';
import { systemErrorCode } from '../errors.ts';

/**
 * Removes a file, or a link itself; one that is not there is gone already. `rm` looks at first what it is, which counts
 * where files are small and many.
 *
 * @throws the system's error, also for a folder
 */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
