// SPDX-License-Identifier: Apache-2.0
/** Kills a program just before a call to the kernel: at each of the moments at which the disk is otherwise than before. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';

export interface KilledRun {
  /** Of Node. */
  readonly program: string;
  readonly args: readonly string[];
  /** Names of calls, with commas. */
  readonly calls: string;
  /** Which of the calls does not happen any more, from 1 on; undefined: all happen. */
  readonly before: number | undefined;
  readonly onLine: (line: string) => void;
}

/** Runs a program under strace, to its end or until it is killed. @returns whether it was killed */
export async function runKilledBefore({ program, args, calls, before, onLine }: KilledRun): Promise<boolean> {
  const inject = before === undefined ? [] : ['-e', `inject=${calls}:signal=SIGKILL:when=${before}`];
  // strace 6.1 injects nothing with --seccomp-bpf.
  const traced = ['-f', '-qqq', '-o', '/dev/null', '-e', `trace=${calls}`, ...inject];
  // What Node hands to threads is then done in order, too.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
  const child = spawn('strace', [...traced, process.execPath, program, ...args], {
    ...{ env, stdio: ['ignore', 'pipe', 'inherit'] },
  });
  const ended = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) onLine(line);
  const [code, signal] = await ended;
  expect([0, 137, 'SIGKILL']).toContain(signal ?? code);
  return code !== 0;
}
