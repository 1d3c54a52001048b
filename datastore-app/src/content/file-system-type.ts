// SPDX-License-Identifier: Apache-2.0
import { readFile, stat } from 'node:fs/promises';

/** These number their files anew at every mount. `fuseblk`: exFAT and NTFS in user space. */
const NUMBERED_ANEW = new Set(['vfat', 'msdos', 'exfat', 'fuseblk']);

/** `major:minor` of a device number, as Linux's makedev packs it. */
export function deviceText(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/**
 * The type of the file system with a device number; undefined when it is not listed, as for btrfs, whose
 * subvolumes have numbers of their own.
 *
 * @param mountInfo `/proc/self/mountinfo` (proc_pid_mountinfo(5))
 */
export function fileSystemType(mountInfo: string, device: bigint): string | undefined {
  const wanted = deviceText(device);
  for (const line of mountInfo.split('\n')) {
    const [mount = '', source = ''] = line.split(' - ');
    if (mount.split(' ')[2] === wanted) return source.split(' ')[0];
  }
  return undefined;
}

/** Others than the processes of this machine write to these. */
const SHARED = /^(?:nfs|nfs4|cifs|smb3|smbfs|9p|virtiofs|ceph|lustre|afs|gfs2|ocfs2|glusterfs|fuse\..*)$/;

/** The type of the file system of a folder; undefined when that is not known. */
async function typeOf(folder: string): Promise<string | undefined> {
  const { dev } = await stat(folder, { bigint: true });
  return fileSystemType(await readFile('/proc/self/mountinfo', 'utf8'), dev);
}

/** Whether only this machine writes to the files of a folder, as far as its file system tells. */
export async function isLocal(folder: string): Promise<boolean> {
  return !SHARED.test((await typeOf(folder)) ?? '');
}

/** Whether the files of a folder keep their inode numbers over a mount: those of most file systems do. */
export async function areInodesPermanent(folder: string): Promise<boolean> {
  const type = await typeOf(folder);
  return type === undefined || !NUMBERED_ANEW.has(type);
}
