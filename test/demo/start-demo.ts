// SPDX-License-Identifier: Apache-2.0
/** The demo as a process of its own, and what it leaves behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** The command lines of processes that name a path. */
async function processesNaming(path: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commandLines = await Promise.all(
    // One that has ended meanwhile has no command line any more.
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commandLines.filter((commandLine) => commandLine.includes(path));
}

/** @param directory where its temporary files lie @param args which demo */
export const startDemo = (
  directory: string,
  args: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): ChildProcess =>
  spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, TMPDIR: directory, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, as a shell makes one for what it starts.
    detached: true,
  });

/** Files in a directory, and processes that name it. */
export const leftIn = async (directory: string): Promise<string[]> => [
  ...(await readdir(directory)),
  ...(await processesNaming(directory)),
];
