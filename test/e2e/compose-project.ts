import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Finished, finish } from '../lab/namespace.ts';

export const WORKSPACE = fileURLToPath(new URL('../..', import.meta.url));
export const COMPOSE_FILE = 'compose.yaml';
export const COMPOSE_FOLDER = `${WORKSPACE}compose`;

/** Debian's docker-compose 1.29 where it is installed, as it is the pickier one; else the plugin of version 2. */
export const IS_STANDALONE = spawnSync('docker-compose', ['version']).status === 0;

/** Runs a program to its end from the workspace. */
export function runProgram(
  command: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  timeoutMs = 300_000,
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

/** The command line of a compose project of our file. */
export function composeCommand(project: string, ...args: readonly string[]): string[] {
  const program = IS_STANDALONE ? ['docker-compose'] : ['docker', 'compose'];
  return [...program, '--project-name', project, '--file', `${COMPOSE_FOLDER}/${COMPOSE_FILE}`, ...args];
}
