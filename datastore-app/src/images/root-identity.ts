import { readFile, stat } from 'node:fs/promises';

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

/**
 * What tells the folder that stands at the root now, and what is mounted below it, from another. Nothing is told
 * of a mount that covers what is watched.
 *
 * @throws system errors of the root
 */
export async function rootIdentity(root: string): Promise<string> {
  const { dev, ino } = await stat(root, { bigint: true });
  const mountInfo = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return `${dev}:${ino}\n${mountsBelow(mountInfo, root)}`;
}
