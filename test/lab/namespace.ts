// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code, or 128 + the signal's number as a shell would say it. */
  readonly exitCode: number;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The process is killed after this long. Default 600 s: that only ends what hangs. */
  readonly timeoutMs?: number;
}

const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** A network namespace of the lab, entered with nsenter. Its processes die with the one that started them. */
export interface Namespace {
  readonly name: string;
  /** Starts a program there; its pid is the program's own, so that signals reach it. */
  start(command: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Runs a program there to its end, whatever the exit code. */
  run(command: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Runs a program there that must succeed; returns what it wrote to stdout. */
  mustRun(command: readonly string[], options?: RunOptions): Promise<string>;
}

/** Runs a program to its end and keeps what it wrote. */
export async function finish(child: ChildProcess): Promise<Finished> {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { stdout, stderr, exitCode: code ?? 128 + (SIGNAL_NUMBERS[signal ?? 'SIGKILL'] ?? 0) };
}

/**
 * A namespace reached through a command prefix.
 *
 * @param enter what stands before a command so that it runs inside, such as `nsenter …`
 * @param track is told of every process that is started
 */
export function createNamespace(
  name: string,
  enter: readonly string[],
  track: (child: ChildProcess) => void,
): Namespace {
  const start: Namespace['start'] = (command, options = {}) => {
    const [program = '', ...rest] = [...enter, 'setpriv', '--pdeathsig', 'KILL', ...command];
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    track(child);
    return child;
  };
  const run: Namespace['run'] = (command, { env, cwd, timeoutMs = 600_000 } = {}) =>
    finish(
      start(command, {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        ...(env && { env: { ...process.env, ...env } }),
        ...(cwd && { cwd }),
      }),
    );
  return {
    name,
    start,
    run,
    async mustRun(command, options) {
      const { stdout, stderr, exitCode } = await run(command, options);
      if (exitCode !== 0)
        throw new Error(`${name}: ${command.join(' ')} ended with ${exitCode}: ${stderr}${stdout}`);
      return stdout;
    },
  };
}
