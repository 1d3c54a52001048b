// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { chown, type FileHandle, lstat, open, opendir } from 'node:fs/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';
import type { ServiceUser } from './service-user.ts';
import { whyNameIsNotRoots } from './trusted-name.ts';

/** mke2fs's own, in every new ext4 volume. It stays root's. */
const RECOVERY_DIRECTORY = 'lost+found';

/** What keeps root from giving files away: a read-only mount, a missing capability, a file system without owners. */
const REFUSALS = new Set(['EROFS', 'EPERM', 'EACCES', 'ENOTSUP']);
/** What the entry that was listed is no longer: removed, or another put in its place. */
const EXCHANGED = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/** Linux's O_PATH, the same on x86-64 and arm64; Node does not name it. Nothing is opened but the name. */
const O_PATH = 0o10000000;
const ENTRY_FLAGS = O_PATH | constants.O_NOFOLLOW;
/** Deeper than image paths can be; every level above is held open meanwhile. */
const MAX_DEPTH = 256;
const DIRECTORY_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** What became of a volume. */
export interface HandOver {
  /** How many files and folders keep an owner other than the user. */
  readonly kept: number;
  /** Why nothing was given away, as a sentence; undefined when the volume was gone through. */
  readonly whyNone: string | undefined;
}

/**
 * Gives a volume with all that is in it to a user, as the first start on an empty volume needs it: EVE mounts
 * them owned by root. Only root's own files and folders are given away. Whoever may write to the volume could
 * exchange a folder for a link to `/etc` at any moment: so every level is opened by way of the one above it,
 * no link is followed, and what is given away is what was opened and looked at. Links, devices, pipes, other
 * file systems that are mounted inside, and files with a second name, which may stand anywhere, are left alone.
 *
 * @param directory absolute, without symbolic links
 */
export async function handOver(directory: string, user: ServiceUser): Promise<HandOver> {
  const volume = await open(directory, DIRECTORY_FLAGS);
  try {
    const { uid, dev } = await volume.stat();
    if (uid !== 0 && uid !== user.uid) {
      const stranger = `${directory} belongs to user ${uid}, who is neither root nor user ${user.uid} of --user`;
      return { kept: 0, whyNone: `${stranger}: nothing in it is given away` };
    }
    const whyNone = await whyNameIsNotRoots(directory);
    // Where the folder is the user's already there is hardly anything to tell of.
    if (whyNone !== undefined) return { kept: 0, whyNone: uid === user.uid ? undefined : whyNone };
    return { kept: await giveFolder(volume, { user, device: dev, depth: 0 }), whyNone: undefined };
  } finally {
    await volume.close();
  }
}

interface Walk {
  readonly user: ServiceUser;
  /** The volume's; others are mounted inside. */
  readonly device: number;
  readonly depth: number;
}

/** The folder that is held open, and what is below it on the same file system. */
async function giveFolder(folder: FileHandle, walk: Walk): Promise<number> {
  const path = `/proc/self/fd/${folder.fd}`;
  const kept = await unlessRefused(() => giveAway(folder, walk.user));
  return (
    kept +
    (await unlessRefused(async () => {
      let below = 0;
      for await (const { name } of await opendir(path)) {
        if (name !== RECOVERY_DIRECTORY)
          below += await unlessRefused(() => giveEntry(`${path}/${name}`, walk));
      }
      return below;
    }))
  );
}

/** @param path by way of the folder that is held open */
async function giveEntry(path: string, { user, device, depth }: Walk): Promise<number> {
  const listed = await lstat(path);
  if (listed.isDirectory()) {
    if (depth === MAX_DEPTH) return 1;
    const folder = await open(path, DIRECTORY_FLAGS);
    try {
      const { dev } = await folder.stat();
      return dev === device ? await giveFolder(folder, { user, device, depth: depth + 1 }) : 0;
    } finally {
      await folder.close();
    }
  }
  // Most files are right already: at every start but the first none is opened.
  if (!listed.isFile() || isOwnedBy(listed, user)) return 0;
  const entry = await open(path, ENTRY_FLAGS);
  try {
    const now = await entry.stat();
    if (!now.isFile()) return 0;
    return now.nlink > 1 ? 1 : await giveAway(entry, user);
  } finally {
    await entry.close();
  }
}

const isOwnedBy = (file: { readonly uid: number; readonly gid: number }, { uid, gid }: ServiceUser) =>
  file.uid === uid && file.gid === gid;

/** What is open, whatever has its name by now. @returns 1 when it is another user's, and stays so */
async function giveAway(opened: FileHandle, user: ServiceUser): Promise<number> {
  const now = await opened.stat();
  if (isOwnedBy(now, user)) return 0;
  if (now.uid !== 0 && now.uid !== user.uid) return 1;
  // Not by fchown, which takes no descriptor of a name alone: the kernel leads this path to what is open.
  await chown(`/proc/self/fd/${opened.fd}`, user.uid, user.gid);
  return 0;
}

async function unlessRefused(attempt: () => Promise<number>): Promise<number> {
  try {
    return await attempt();
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (EXCHANGED.has(code)) return 0;
    if (REFUSALS.has(code)) return 1;
    throw error;
  }
}
