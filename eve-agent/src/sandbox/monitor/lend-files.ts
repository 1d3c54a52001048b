// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { lchownSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { lchown } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { FileLending } from './verified-target.ts';

/** `lchown`'s word for a group that stays. */
const SAME_GROUP = -1;

/**
 * Files are lent by giving them to another user.
 *
 * @param user the verifier's; null: it is this process's own, and may open what this one may
 * @param ownUser this process's
 */
export function createFileLending(user: number | null, ownUser: number): FileLending {
  const give = async (path: string, to: number) => {
    if (user !== null) await lchown(path, to, SAME_GROUP);
  };
  return { lend: (path) => give(path, user ?? ownUser), takeBack: (path) => give(path, ownUser) };
}

/** A full disk takes files again once there is room. */
const FOR_NOW = new Set(['ENOSPC', 'EDQUOT']);
const MAY_BE_ENTERED_BY_OTHERS = 0o001;

/** A file that nobody knows of, as long as something is tried with it. */
export const probePath = (folder: string): string => join(folder, `.${randomUUID()}.probe`);

/** Whether it fails for a reason that passes. */
export const failsForNow = (error: unknown): boolean => FOR_NOW.has(systemErrorCode(error) ?? '');

/**
 * Whether files of a folder can be lent to another user.
 *
 * @param isShown whether that one is shown the folder by itself, whatever stands above it
 * @returns why not, as a clause; null: they can
 */
export function findLendingObstacle(folder: string, user: number, isShown: boolean): string | null {
  const probe = probePath(folder);
  try {
    const closed = (isShown ? [realpathSync(folder)] : foldersTo(realpathSync(folder))).find(
      (path) => (statSync(path).mode & MAY_BE_ENTERED_BY_OTHERS) === 0,
    );
    if (closed !== undefined) return `other users may not enter ${closed}`;
    writeFileSync(probe, '', { flag: 'wx' });
    lchownSync(probe, user, SAME_GROUP);
    return null;
  } catch (error) {
    return failsForNow(error) ? null : `files of ${folder} cannot be given to it: ${errorMessage(error)}`;
  } finally {
    rmSync(probe, { force: true });
  }
}

/** A folder, and all that it stands in. */
function foldersTo(folder: string): readonly string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...foldersTo(above)];
}
