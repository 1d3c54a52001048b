// SPDX-License-Identifier: Apache-2.0
import { constants, copyFile, link, stat, utimes } from 'node:fs/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';

/** Lets a path that does not exist lead to a file: a hard link, else a reflink, else a copy with its time of change. */
export async function linkOrCopy(file: string, path: string): Promise<void> {
  try {
    await link(file, path);
  } catch (error) {
    // Another file system, or one without hard links.
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(systemErrorCode(error) ?? '')) throw error;
    // Into a file of its own making: never through a link that somebody put there meanwhile.
    await copyFile(file, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    const seconds = Math.trunc((await stat(file)).mtimeMs) / 1000;
    await utimes(path, seconds, seconds);
  }
}
