import { createServer } from 'node:net';
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
