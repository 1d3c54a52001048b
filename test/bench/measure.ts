// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

/** Kernel clock ticks a second: USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100;
/** Often enough to see the end of a short command, seldom enough to cost it nothing. */
const MEMORY_POLL_MS = 50;

/** What a process and all its descendants have used so far. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly peakMemoryMiB: number;
}

/** A process and all its descendants; proc(5), task/TID/children. */
export function familyOf(pid: number): number[] {
  const pids = [pid];
  for (const parent of pids) {
    try {
      for (const thread of readdirSync(`/proc/${parent}/task`)) {
        const children = readFileSync(`/proc/${parent}/task/${thread}/children`, 'utf8');
        pids.push(...children.split(' ').filter(Boolean).map(Number));
      }
    } catch {
      // Ended meanwhile.
    }
  }
  return pids;
}

/** proc(5): fields behind the name, which may hold spaces and parentheses itself. */
function readCpuSeconds(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

function readPeakMemoryMiB(pid: number): number {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kibibytes ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** proc(5): what a process holds in memory now. */
export function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Usage of a server and its workers. Memory is the sum of each one's peak, shared pages counted each time. */
export function usageOf(pid: number): Usage {
  const pids = familyOf(pid);
  return {
    cpuSeconds: pids.reduce((sum, member) => sum + readCpuSeconds(member), 0),
    peakMemoryMiB: pids.reduce((sum, member) => sum + readPeakMemoryMiB(member), 0),
  };
}

export interface Ran {
  readonly wallSeconds: number;
  /** Of the largest process of the command. */
  readonly peakMemoryMiB: number;
  readonly stdout: string;
}

/** Runs a shell command to its end. @throws Error when it fails */
export async function run(command: string, enter: readonly string[] = []): Promise<Ran> {
  const startedMs = performance.now();
  const [program = '', ...rest] = [...enter, 'sh', '-c', command];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes) => {
    stdout += bytes;
  });
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  let peakMemoryMiB = 0;
  const poll = setInterval(() => {
    peakMemoryMiB = Math.max(peakMemoryMiB, ...familyOf(child.pid as number).map(readPeakMemoryMiB));
  }, MEMORY_POLL_MS);
  const [code] = await once(child, 'close');
  const wallSeconds = (performance.now() - startedMs) / 1000;
  clearInterval(poll);
  if (code !== 0) throw new Error(`"${command}" ended with ${code}: ${stderr.slice(-2000)}`);
  return { wallSeconds, peakMemoryMiB, stdout };
}

export interface Spread {
  readonly median: number;
  readonly minimum: number;
  readonly maximum: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median =
    sorted.length % 2 === 1
      ? (sorted[middle] ?? Number.NaN)
      : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
  return { median, minimum: sorted[0] ?? Number.NaN, maximum: sorted.at(-1) ?? Number.NaN };
}

/**
 * Runs contenders in turn, A B C A B C …, so that a machine whose speed drifts treats them alike. The first
 * round warms up and is not counted.
 *
 * @returns for each contender what its rounds measured
 */
export async function alternate<Name extends string, Sample>(
  contenders: readonly (readonly [Name, () => Promise<Sample>])[],
  rounds: number,
): Promise<Map<Name, Sample[]>> {
  const samples = new Map<Name, Sample[]>(contenders.map(([name]) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, measure] of contenders) {
      const sample = await measure();
      if (round > 0) samples.get(name)?.push(sample);
    }
  }
  return samples;
}

/** One contender against another: the ratio of each round, so that a slow moment of the machine hits both. */
export function ratioOf<Sample>(
  ours: readonly Sample[],
  peers: readonly Sample[],
  figure: (sample: Sample) => number,
): Spread {
  const ratios = ours.flatMap((sample, i) => {
    const peer = peers[i];
    return peer === undefined ? [] : [figure(sample) / figure(peer)];
  });
  return spreadOf(ratios);
}

/** CPU seconds of the children of a shell, from what its `times` prints (times(1p)): its second line. */
export function readChildSeconds(times: string): number {
  const children = times.trim().split('\n').at(-1) ?? '';
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}
