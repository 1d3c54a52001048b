// SPDX-License-Identifier: Apache-2.0
/** A device with a Docker engine and an agent loses its power, and has it again. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { inspectContainer, listContainers } from '../engine-views.ts';
import type { DeploymentHost } from './deployment-host.ts';

const PAUSE_MS = 20;
/** Only ends what fails. */
const LIMIT_MS = 600_000;

/** What a process was started by; empty for one that has ended, also where nobody has asked yet how. */
const commandOf = (pid: number) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');

async function listProcesses(word: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const commands = await Promise.all(pids.map(commandOf));
  return pids.filter((pid, i) => pid !== process.pid && commands[i]?.includes(word));
}

/** Until none is there any more. */
async function killAll(list: () => Promise<readonly number[]>): Promise<void> {
  for (const limit = AbortSignal.timeout(LIMIT_MS); ; await delay(PAUSE_MS)) {
    const pids = await list();
    if (pids.length === 0) return;
    if (limit.aborted) throw new Error(`processes do not end: ${pids.join(', ')}`);
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }
}

/**
 * What memory alone holds: mounts but that of the disk, the engine's folder of the running system, what else lies in
 * `/run`, the packet filter, the engine's bridge. `/run/netns` is where the lab's own namespaces are.
 */
const FORGET = `set -e
engine=$1
awk '{ print $2 }' /proc/self/mounts | grep "^$engine/" | grep -vx "$engine/data" | sort -r |
  while read -r place; do umount --lazy "$place"; done
rm -rf "$engine/exec" "$engine/docker.sock" "$engine/docker.pid"
find /run -mindepth 1 -maxdepth 1 ! -name netns -exec rm -rf {} +
for program in iptables ip6tables; do
  for table in raw nat filter; do $program -w 5 -t $table -F; $program -w 5 -t $table -X; done
  $program -w 5 -P FORWARD ACCEPT
done
ip link delete docker0
`;

/**
 * All of it ends at once: the agent, the engine with containerd and what stands between them and the containers, the
 * containers. What is on disks stays as it is at that moment.
 */
export async function losePower({ lab, engine, state, at, endAgent }: DeploymentHost): Promise<void> {
  const shown = await Promise.all(
    (await listContainers(engine)).map(({ id }) => inspectContainer(engine, id)),
  );
  const containers = shown.map((each) => each?.State.Pid ?? 0).filter(Boolean);
  await Promise.all([endAgent('SIGKILL'), engine.kill()]);
  const words = [`${at('engine')}/`, state];
  await killAll(async () => (await Promise.all(words.map(listProcesses))).flat());
  // With its first process all of a container ends.
  await killAll(async () => {
    const commands = await Promise.all(containers.map(commandOf));
    return containers.filter((_pid, i) => commands[i] !== '');
  });
  await lab.host.mustRun(['sh', '-c', FORGET, 'sh', at('engine')]);
}

/** What a system starts when it has its power again; neither waits for the other. */
export async function boot(host: DeploymentHost): Promise<void> {
  await Promise.all([host.startEngine(), host.startAgent()]);
}
