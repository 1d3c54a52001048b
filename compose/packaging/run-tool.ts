// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';

export interface ToolOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs a tool of the build to its end. What it prints is shown only when it fails.
 *
 * @returns its stdout
 * @throws Error with what it printed; with `code` ENOENT when there is no such program
 */
export function runTool(command: readonly [string, ...string[]], options: ToolOptions = {}): string {
  const [program, ...args] = command;
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  if (status === 0) return stdout;
  throw new Error(`${command.join(' ')} ended with ${signal ?? status}:\n${stdout}${stderr}`);
}
