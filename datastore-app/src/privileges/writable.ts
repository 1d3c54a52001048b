// SPDX-License-Identifier: Apache-2.0
import { access, constants, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';

const REFUSALS = new Set(['EROFS', 'EACCES', 'EPERM']);

/**
 * Why this program cannot write to a directory, as a sentence with the way out; undefined when it can.
 *
 * @param name how the configuration calls it, such as `--state`
 * @throws system errors other than those of permissions
 */
export async function whyNotWritable(name: string, directory: string): Promise<string | undefined> {
  const code = await whyRefused(directory);
  if (code === undefined) return undefined;
  if (code === 'EROFS') {
    return `${name} ${directory} is mounted read-only: mount a volume that can be written there`;
  }
  const { uid, mode } = await stat(directory);
  const runsAs = process.geteuid?.();
  const rights = (mode & 0o7777).toString(8).padStart(4, '0');
  return (
    `${name} ${directory} cannot be written: the volume belongs to user ${uid} (mode ${rights}), and the ` +
    `program runs as user ${runsAs}. Start the program as root with --user UID:GID, and it gives the volume ` +
    `to that user; or start it as user ${uid}; or give the volume away (chown -R ${runsAs} on it)`
  );
}

/** EROFS, EACCES or EPERM; undefined when nothing is refused. */
async function whyRefused(directory: string): Promise<string | undefined> {
  try {
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    if (!REFUSALS.has(systemErrorCode(error) ?? '')) throw error;
  }
  try {
    // The kernel tells of permissions before it tells of the mount, but not where something is made.
    await rmdir(await mkdtemp(join(directory, '.writable-')));
    return undefined;
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (REFUSALS.has(code)) return code;
    throw error;
  }
}
