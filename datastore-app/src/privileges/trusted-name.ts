// SPDX-License-Identifier: Apache-2.0
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const GROUP_OR_OTHERS_WRITE = 0o022;
/** In such a folder only owners rename and remove what is theirs, as in `/tmp`. */
const STICKY = 0o1000;

/**
 * Why a path need not lead to the same folder the next time root uses it: somebody else may rename what is on
 * the way. A sentence; undefined when root alone can.
 *
 * @param path absolute, without symbolic links
 */
export async function whyNameIsNotRoots(path: string): Promise<string | undefined> {
  let child = await stat(path);
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    const parent = await stat(dirname(at));
    const { uid, mode, dev } = parent;
    // Where something is mounted the kernel lets nobody rename it.
    const isMountPoint = child.dev !== dev;
    const isShared = (mode & GROUP_OR_OTHERS_WRITE) !== 0 && (mode & STICKY) === 0;
    if (!isMountPoint && (uid !== 0 || isShared)) {
      const rights = (mode & 0o7777).toString(8).padStart(4, '0');
      return (
        `others than root can exchange ${at} for something else, as ${dirname(at)} belongs to user ${uid} ` +
        `(mode ${rights}): nothing in ${path} is given away`
      );
    }
    child = parent;
  }
  return undefined;
}
