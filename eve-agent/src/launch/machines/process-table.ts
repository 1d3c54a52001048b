// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { systemErrorCode } from '@local-datastore/shared/errors';

/** A process that cannot be taken for another that gets its number later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** proc(5), stat: field 22, in ticks since the boot. */
  readonly startTicks: string;
}

/** The processes of this host. */
export interface ProcessTable {
  /** Those of a user. */
  findByUser(user: number): Promise<readonly (ProcessIdentity & { readonly command: readonly string[] })[]>;
  /** null where there is none, or one that has ended and was not waited for. */
  identify(pid: number): Promise<ProcessIdentity | null>;
  isAlive(identity: ProcessIdentity): Promise<boolean>;
  /** Nothing is sent where the process is not that one. @returns whether it was sent */
  kill(identity: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean>;
}

/** Of `/proc/PID/stat` when the process was started; null for one that has ended. */
export function startTicksOf(stat: string): string | null {
  // The name of a program may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state === 'Z' || state === 'X' || startTicks === undefined ? null : startTicks;
}

/** @param root where the kernel shows them */
export function createProcessTable(
  root = '/proc',
  send: (pid: number, signal: number) => void = (pid, signal) => void process.kill(pid, signal),
): ProcessTable {
  const read = (pid: number, name: string) => readFile(`${root}/${pid}/${name}`, 'utf8').catch(() => null);

  async function identify(pid: number): Promise<ProcessIdentity | null> {
    const stat = await read(pid, 'stat');
    const startTicks = stat === null ? null : startTicksOf(stat);
    return startTicks === null ? null : { pid, startTicks };
  }

  async function isAlive({ pid, startTicks }: ProcessIdentity): Promise<boolean> {
    return (await identify(pid))?.startTicks === startTicks;
  }

  return {
    identify,
    isAlive,
    async findByUser(user) {
      const found: (ProcessIdentity & { command: string[] })[] = [];
      for (const name of await readdir(root)) {
        if (!/^\d+$/.test(name)) continue;
        const pid = Number(name);
        const uid = /^Uid:\s+(\d+)/m.exec((await read(pid, 'status')) ?? '')?.[1];
        if (Number(uid) !== user) continue;
        const identity = await identify(pid);
        const command = ((await read(pid, 'cmdline')) ?? '').split('\0').slice(0, -1);
        if (identity !== null) found.push({ ...identity, command });
      }
      return found;
    },
    async kill(identity, signal) {
      if (!(await isAlive(identity))) return false;
      try {
        send(identity.pid, constants.signals[signal]);
        return true;
      } catch (error) {
        if (systemErrorCode(error) === 'ESRCH') return false;
        throw error;
      }
    },
  };
}
