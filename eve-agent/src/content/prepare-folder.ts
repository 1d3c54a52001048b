// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { makeFolder } from '@local-datastore/shared/files/make-folder';

/** A full disk takes files again once there is room. */
const FOR_NOW = new Set(['ENOSPC', 'EDQUOT']);

/** Folders of the kernel, and those of a volume that is read only, are there and take no file. */
async function tryFile(folder: string): Promise<void> {
  const probe = join(folder, `.${randomUUID()}.probe`);
  try {
    await writeFile(probe, '', { flag: 'wx' });
  } catch (error) {
    if (FOR_NOW.has(systemErrorCode(error) ?? '')) return;
    throw new Error(`no file can be made there (${errorMessage(error)})`, { cause: error });
  }
  await rm(probe);
}

/**
 * Makes a folder that an option names where it is missing, and sees at once that files can be made in it.
 *
 * @param option such as `--state`
 * @param folder absolute
 * @throws ConfigurationError
 */
export async function prepareFolder(option: string, folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await tryFile(folder);
  } catch (error) {
    throw new ConfigurationError(`${option} ${folder} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
