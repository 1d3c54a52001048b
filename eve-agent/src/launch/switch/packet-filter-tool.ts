// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** Where such programs stand: not the search path, which is anybody's. */
const FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/local/bin'];
const LIMIT_MS = 15_000;
const MAX_MESSAGE_LENGTH = 300;

/** Runs a program of the packet filter to its end. @returns what it wrote; @throws Error where it fails */
export type RunTool = (
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  input?: string,
) => Promise<string>;

/** @returns the path of a program; null where the host has none */
export async function findTool(name: string): Promise<string | null> {
  for (const folder of FOLDERS) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // The next may have it.
    }
  }
  return null;
}

/** Without a shell, and with nothing of this process's environment. */
export const runTool: RunTool = async (program, args, signal, input = '') => {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: FOLDERS.join(':'), LC_ALL: 'C' },
    signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
    killSignal: 'SIGKILL',
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // One that ends without reading is judged by how it ended.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code === 0) return stdout;
  throw new Error(`${program} ended with ${code}: ${stderr.trim().slice(0, MAX_MESSAGE_LENGTH)}`);
};
