// SPDX-License-Identifier: Apache-2.0
/** What processes ask the kernel for, as strace sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'vitest';

export interface TracedCall {
  readonly thread: number;
  readonly name: string;
  /** As strace shows them; of a call that was waited for, without what it gave back. */
  readonly args: string;
  /** `0`, `-1 EPERM`; empty: it did not come back. */
  readonly result: string;
}

const LINE = /^(\d+) +(\w+)\((.*)(?:\) += (\S+(?: E[A-Z]+)?).*| <unfinished \.\.\.>)$/;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (\S+(?: E[A-Z]+)?)/;

/** Reads what strace wrote with `-f`, each call once. */
export function parseTrace(text: string): TracedCall[] {
  const calls: TracedCall[] = [];
  const waiting = new Map<number, TracedCall>();
  for (const line of text.split('\n')) {
    const [, thread, name, args = '', result = ''] = LINE.exec(line) ?? RESUMED.exec(line) ?? [];
    if (thread === undefined || name === undefined) continue;
    const number = Number(thread);
    const begun = waiting.get(number);
    waiting.delete(number);
    const call = { thread: number, name, args: `${begun?.args ?? ''}${args}`, result };
    if (result === '') waiting.set(number, call);
    else calls.push(call);
  }
  return [...calls, ...waiting.values()];
}

export interface Trace {
  /** Ends it; what was traced goes on. */
  end(): Promise<TracedCall[]>;
}

/** Traces a process with all that it starts, from now on. */
export async function traceProcess(pid: number, file: string): Promise<Trace> {
  const args = ['-f', '-qq', '-s', '256', '-o', file, '-p', String(pid)];
  const strace: ChildProcess = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(strace, 'close');
  let said = '';
  strace.stderr?.on('data', (bytes) => {
    said += bytes;
  });
  const untraced = async () => {
    if (strace.exitCode !== null) throw new Error(`strace ended: ${said}`);
    const threads = await readdir(`/proc/${pid}/task`);
    const statuses = await Promise.all(
      threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/status`, 'utf8').catch(() => '')),
    );
    return statuses.filter((status) => /^TracerPid:\t0$/m.test(status)).length;
  };
  await expect.poll(untraced).toBe(0);
  return {
    async end() {
      strace.kill('SIGINT');
      await ended;
      return parseTrace(await readFile(file, 'utf8'));
    },
  };
}
