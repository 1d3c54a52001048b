/** The processes of a mount namespace, whoever started them. */
import { open, readdir, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 20;
/** Only ends what fails: a process that was killed goes when the kernel lets it. */
const LIMIT_MS = 60_000;

/**
 * Kills all processes of a mount namespace, also what was being started meanwhile: until none is there.
 *
 * @param member a process of it, which is killed too
 * @throws Error: processes do not end
 */
export async function killMembers(member: number): Promise<void> {
  // Open, the namespace stays: its number cannot become that of another one, whose processes are none of ours.
  await using namespace = await open(`/proc/${member}/ns/mnt`);
  const wanted = await namespace.stat();
  const isMember = async (pid: string) => {
    // One that has ended is in no namespace any more.
    const found = await stat(`/proc/${pid}/ns/mnt`).catch(() => null);
    return found !== null && found.ino === wanted.ino && found.dev === wanted.dev;
  };
  const own = await stat(`/proc/self/ns/mnt`);
  if (own.ino === wanted.ino) throw new Error(`process ${member} is in the namespace of this one`);
  for (const limit = AbortSignal.timeout(LIMIT_MS); ; ) {
    const members: string[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      if (await isMember(pid)) members.push(pid);
    }
    if (members.length === 0) return;
    if (limit.aborted) throw new Error(`processes do not end: ${members.join(', ')}`);
    for (const pid of members) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    await delay(PAUSE_MS);
  }
}
