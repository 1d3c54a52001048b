import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, dirname } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { TargetError } from './errors.ts';

/**
 * Makes this process the only one on the host that downloads to a target.
 *
 * The lock is the name of an abstract Unix socket: the kernel gives it to one process and takes it back when
 * that process ends, however it ends; no stale lock file, no process number that has since been given away.
 *
 * @returns the release
 * @throws TargetError TARGET_BUSY when another process holds it
 */
export async function lockTarget(target: string): Promise<() => void> {
  const { dev, ino } = await stat(dirname(target));
  const key = createHash('sha256')
    .update(`${dev}:${ino}:${basename(target)}`)
    .digest('hex');
  const server = createServer((connection) => connection.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const isTaken = systemErrorCode(error) === 'EADDRINUSE';
      const message = `another download to ${target} is running: wait for it, or choose another file with -o`;
      reject(isTaken ? new TargetError('TARGET_BUSY', message, { cause: error }) : error);
    });
    server.listen({ path: `\0eve-agent/download/${key}` }, resolve);
  });
  server.unref();
  return () => void server.close();
}
