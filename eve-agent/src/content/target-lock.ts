// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { lockExclusively } from '@local-datastore/shared/files/exclusive-lock';
import { TargetError } from './errors.ts';

/**
 * Makes this process the only one on the host that downloads to a target.
 *
 * @returns the release
 * @throws TargetError TARGET_BUSY when another process holds it
 */
export async function lockTarget(target: string): Promise<() => void> {
  const { dev, ino } = await stat(dirname(target));
  const key = createHash('sha256')
    .update(`${dev}:${ino}:${basename(target)}`)
    .digest('hex');
  const release = await lockExclusively(`eve-agent/download/${key}`);
  if (release !== null) return release;
  const message = `another download to ${target} is running: wait for it, or choose another file with -o`;
  throw new TargetError('TARGET_BUSY', message);
}

/**
 * Makes this process the only one on the host that works in a folder in some role.
 *
 * @param role a name in the folder that nothing is downloaded to
 * @param taken the message where another process has it
 * @returns the release
 * @throws ConfigurationError when another process has it
 */
export async function lockFolder(folder: string, role: string, taken: string): Promise<() => void> {
  try {
    return await lockTarget(join(folder, role));
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    throw new ConfigurationError(taken, { cause: error });
  }
}
