// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from 'node:fs';

/** As proc_pid_mountinfo(5) writes paths. */
const escaped = (path: string) =>
  path.replaceAll(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);

/** What is mounted at a folder and below it, as lines. */
export function mountsBelow(mountInfo: string, folder: string): string {
  const place = escaped(folder);
  const below = place.endsWith('/') ? place : `${place}/`;
  const isMountedThere = (line: string) => {
    const point = line.split(' ', 5)[4] ?? '';
    return point === place || point.startsWith(below);
  };
  return mountInfo.split('\n').filter(isMountedThere).join('\n');
}

/** Of the kernel's own making: nothing is waited for. */
function readMountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

/**
 * What tells the folder that stands at the root now, and what is mounted below it, from another. Nothing is told
 * of a mount that covers what is watched. It is asked every second: a thread to ask would cost many times as much.
 *
 * @returns a function that asks again; it throws system errors of the root
 */
export function createRootIdentity(root: string): () => Promise<string> {
  let mountInfo = '';
  let mounts = '';
  return async () => {
    const { dev, ino } = statSync(root, { bigint: true });
    const now = readMountInfo();
    // Mostly it is the same text, which may be long.
    if (now !== mountInfo) mounts = mountsBelow(now, root);
    mountInfo = now;
    return `${dev}:${ino}\n${mounts}`;
  };
}
