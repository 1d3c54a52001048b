// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemErrorCode } from '../errors.ts';

/**
 * Makes this process the only one of the network namespace that holds a name.
 *
 * The lock is the name of an abstract Unix socket (unix(7)): the kernel gives it to one process and takes it back
 * when that process ends, however it ends; no stale lock file, no process number that has since been given away.
 *
 * @param name at most 107 bytes
 * @returns the release; null when another process, or another part of this one, holds the name
 */
export async function lockExclusively(name: string): Promise<(() => void) | null> {
  const server = createServer((connection) => connection.destroy());
  const isOurs = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error) => {
      if (systemErrorCode(error) === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ path: `\0${name}` }, () => resolve(true));
  });
  if (!isOurs) return null;
  server.unref();
  return () => void server.close();
}

const LOOK_MS = 20;

/**
 * As {@link lockExclusively}, and waits for whoever holds the name.
 *
 * @returns null when it is still held after `limitMs`
 */
export async function waitForLock(name: string, limitMs: number): Promise<(() => void) | null> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const release = await lockExclusively(name);
    if (release !== null || performance.now() > endMs) return release;
    await delay(LOOK_MS);
  }
}
