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

/** Whether the files of a folder keep their inode numbers over a mount: those of most file systems do. */
export async function areInodesPermanent(folder: string): Promise<boolean> {
  const { dev } = await stat(folder, { bigint: true });
  const type = fileSystemType(await readFile('/proc/self/mountinfo', 'utf8'), dev);
  return type === undefined || !NUMBERED_ANEW.has(type);
}
