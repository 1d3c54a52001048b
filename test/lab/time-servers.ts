// SPDX-License-Identifier: Apache-2.0
/**
 * Time servers that nobody here wrote. None of them may touch the clock of the machine, which no namespace has its own
 * of: each is told not to, and lacks the capability. (ntpd of ntpsec 1.2.2 calls adjtimex(2) though it is told not to.)
 */
import type { ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace } from './namespace.ts';
import { unpackNtpsec } from './ntpsec.ts';
import { waitForLog } from './programs.ts';

/** In front of a command: it may not set the clock. */
export const WITHOUT_CLOCK = ['setpriv', '--bounding-set=-sys_time', '--inh-caps=-sys_time'];

/** A server that runs, until the lab ends. */
export interface TimeServer {
  readonly child: ChildProcess;
  log(): string;
}

async function startServer(
  namespace: Namespace,
  folder: string,
  configuration: string,
  command: readonly string[],
  ready: string,
): Promise<TimeServer> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'conf'), configuration);
  const child = namespace.start([...WITHOUT_CLOCK, ...command, join(folder, 'conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { log, seen } = waitForLog(child, ready);
  await seen;
  return { child, log };
}

/** chrony as a server whose reference is the machine's own clock. @param folder for its files */
export function startChrony(namespace: Namespace, folder: string, stratum = 4): Promise<TimeServer> {
  const configuration = [
    ...[`local stratum ${stratum}`, 'allow', 'cmdport 0', 'bindcmdaddress /'],
    ...[`pidfile ${join(folder, 'pid')}`, ''],
  ].join('\n');
  const command = ['chronyd', '-x', '-d', '-u', 'root', '-f'];
  return startServer(namespace, folder, configuration, command, 'Disabled control of system clock');
}

/** ntpd of ntpsec as a server without any other: in its orphan mode. @param folder for its files */
export async function startNtpsec(namespace: Namespace, folder: string, stratum = 5): Promise<TimeServer> {
  const program = await unpackNtpsec();
  const configuration = [
    ...['disable ntp', 'disable kernel', `tos orphan ${stratum} orphanwait 1`, 'restrict default', ''],
  ].join('\n');
  const command = [program, '-n', '-p', join(folder, 'pid'), '-c'];
  // What it says of its sockets, before, stays in a buffer.
  return startServer(namespace, folder, configuration, command, 'ntp_adjtime: Operation not permitted');
}
