// SPDX-License-Identifier: Apache-2.0
/** Programs that run on the machine itself, in no namespace. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Finished, finish } from './namespace.ts';

export const WORKSPACE = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a program to its end from the workspace. */
export function runProgram(
  command: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  timeoutMs = 600_000,
): Promise<Finished> {
  const [program = '', ...args] = command;
  const env = { ...process.env, ...environment };
  return finish(
    spawn(program, args, { cwd: WORKSPACE, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs }),
  );
}

/** As runProgram, for what must succeed; returns its stdout. */
export async function mustRunProgram(
  command: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { stdout, stderr, exitCode } = await runProgram(command, environment);
  if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}:\n${stdout}${stderr}`);
  return stdout;
}
