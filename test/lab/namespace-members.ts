// SPDX-License-Identifier: Apache-2.0
/** The processes of a mount namespace, whoever started them. */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 20;
/** Only ends what fails: a process that was killed goes when the kernel lets it. */
const LIMIT_MS = 600_000;

/** @param namespace `/proc/PID/ns/mnt`; open, it stays, and its number cannot become that of another one */
export async function membersOf(namespace: FileHandle): Promise<number[]> {
  const wanted = await namespace.stat();
  const members: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // One that has ended is in no namespace any more.
    const found = await stat(`/proc/${name}/ns/mnt`).catch(() => null);
    if (found?.ino === wanted.ino && found.dev === wanted.dev) members.push(Number(name));
  }
  return members;
}

/**
 * Kills all processes of a mount namespace, also what was being started meanwhile: until none is there.
 *
 * @param member a process of it, which is killed too
 * @throws Error: processes do not end
 */
export async function killMembers(member: number): Promise<void> {
  await using namespace = await open(`/proc/${member}/ns/mnt`);
  for (const limit = AbortSignal.timeout(LIMIT_MS); ; ) {
    const members = await membersOf(namespace);
    if (members.length === 0) return;
    if (members.includes(process.pid)) throw new Error(`${member} is in the namespace of this process`);
    if (limit.aborted) throw new Error(`processes do not end: ${members.join(', ')}`);
    for (const pid of members) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    await delay(PAUSE_MS);
  }
}
