// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from '../../errors.ts';
import { CLONE, MNT_DETACH, MS } from '../system/kernel-constants.ts';
import { openLibc } from '../system/libc.ts';
import type { VisiblePath } from './calf.ts';

/** Every Linux has it; the new root is made over it, seen by this process alone. */
const NEW_ROOT = '/tmp';
const ROOT_OPTIONS = 'mode=0755,size=256k,nr_inodes=4096';
/** Linux's O_PATH: nothing is opened but the name. */
const O_PATH = 0o10000000;

/** Leaves out what stands below another one, and is there with it. */
export function outermost(visible: readonly VisiblePath[]): readonly VisiblePath[] {
  const isBelow = (path: string, above: string) => path.startsWith(`${above}/`);
  return visible.filter(
    ({ path }, index) =>
      !visible.some((each) => isBelow(path, each.path)) &&
      visible.findIndex((each) => each.path === path) === index,
  );
}

/**
 * Takes all files away from this process, in a mount namespace of its own, but for what it names: an empty root that
 * cannot be written, with these files and folders where they were.
 *
 * @param visible absolute paths
 * @param chdir of the process
 * @throws SystemError; the process is where it was then
 * @throws Error it could not go back: the process is to end
 */
export function enterPrivateRoot(visible: readonly VisiblePath[], chdir: (path: string) => void): void {
  const libc = openLibc();
  const before = openSync('/proc/self/ns/mnt', 'r');
  try {
    libc.unshare(CLONE.NEWNS);
    try {
      buildRoot(visible);
      takeRoot(chdir);
    } catch (error) {
      libc.setns(before, CLONE.NEWNS);
      throw error;
    }
  } finally {
    closeSync(before);
  }
}

function buildRoot(visible: readonly VisiblePath[]): void {
  const libc = openLibc();
  // Nothing of what follows is seen by others.
  libc.mount(null, '/', null, MS.REC | MS.PRIVATE, null);
  // Held by their names, as what is below /tmp is about to be hidden.
  const held = outermost(visible).map((each) => ({ ...each, fd: openSync(each.path, O_PATH) }));
  libc.mount('tmpfs', NEW_ROOT, 'tmpfs', MS.NOSUID | MS.NODEV, ROOT_OPTIONS);
  for (const { path, isWritable, fd } of held) {
    const place = `${NEW_ROOT}${path}`;
    const isFolder = fstatSync(fd).isDirectory();
    mkdirSync(isFolder ? place : dirname(place), { recursive: true, mode: 0o755 });
    // Never over what is there.
    if (!isFolder) writeFileSync(place, '', { mode: 0o644, flag: 'wx' });
    libc.mount(`/proc/self/fd/${fd}`, place, null, MS.BIND, null);
    const flags = MS.REMOUNT | MS.BIND | MS.NOSUID | MS.NODEV;
    libc.mount(null, place, null, isWritable ? flags | MS.NOEXEC : flags | MS.RDONLY, null);
    closeSync(fd);
  }
  libc.mount(null, NEW_ROOT, null, MS.REMOUNT | MS.BIND | MS.RDONLY | MS.NOSUID | MS.NODEV, null);
}

/** Makes it the root, and takes the one before off, or puts it below, where no name leads. */
function takeRoot(chdir: (path: string) => void): void {
  const libc = openLibc();
  chdir(NEW_ROOT);
  let isPivoted = true;
  try {
    // pivot_root(2): with one folder for both, the old root comes to lie over the new one, and is taken off.
    libc.pivotRoot('.', '.');
  } catch (error) {
    // Docker 20.10 refuses this call even to who may mount; a root that came with the kernel cannot be taken off.
    if (!['EPERM', 'ENOSYS', 'EINVAL'].includes(systemErrorCode(error) ?? '')) throw error;
    isPivoted = false;
  }
  if (isPivoted) {
    libc.umount2('.', MNT_DETACH);
  } else {
    libc.mount('.', '/', null, MS.MOVE, null);
    libc.chroot('.');
  }
  chdir('/');
}
