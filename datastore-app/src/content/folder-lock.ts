// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { lockExclusively } from '@local-datastore/shared/files/exclusive-lock';
import { removeFile } from '@local-datastore/shared/files/remove-file';

const NAME = '.datastore.lock';
const NAMESPACE = 'local-datastore/serving';
/** Somebody else may take away a stale name, and take it, in between. */
const MAX_ATTEMPTS = 5;

type Taken = { readonly kind: 'held'; readonly server: Server } | { readonly kind: 'taken' | 'impossible' };

function listenAt(path: string): Promise<Server | string> {
  const server = createServer((connection) => connection.destroy());
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(systemErrorCode(error) ?? 'UNKNOWN'));
    // Whoever asks whether somebody is there may be another user.
    server.listen({ path, readableAll: true, writableAll: true }, () => resolve(server));
  });
}

/** Whether a process listens there; one that was killed does not, nor any from before a reboot. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(path);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', (error) =>
      resolve(!['ECONNREFUSED', 'ENOENT'].includes(systemErrorCode(error) ?? '')),
    );
  });
}

/** The name of a socket in the folder is one for all containers of the machine that see it. */
async function takeName(path: string): Promise<Taken> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const server = await listenAt(path);
    if (typeof server !== 'string') return { kind: 'held', server };
    // File systems without sockets, and such as can only be read.
    if (server !== 'EADDRINUSE') return { kind: 'impossible' };
    if (await isAlive(path)) return { kind: 'taken' };
    await removeFile(path);
  }
  return { kind: 'taken' };
}

/**
 * Makes this process the only one that holds a folder. The kernel takes the lock back when the process ends, however it
 * ends: what is left after `kill -9` or a reboot is told from a process that lives, and taken over.
 *
 * Where the folder takes no socket (vfat, exFAT, read-only volumes), it is held against processes of the same network
 * namespace alone.
 *
 * @returns the release; null when another process holds it
 */
export async function holdFolder(folder: string): Promise<(() => Promise<void>) | null> {
  const { dev, ino } = await stat(folder);
  const release = await lockExclusively(`${NAMESPACE}/${dev}/${ino}`);
  if (release === null) return null;
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    // The name of a socket has 107 bytes at most.
    const taken = await takeName(`/proc/self/fd/${handle.fd}/${NAME}`);
    if (taken.kind !== 'taken') {
      const server = taken.kind === 'held' ? taken.server : undefined;
      server?.unref();
      const opened = handle;
      return async () => {
        // It removes its name, by way of the open folder.
        await new Promise<void>((resolve) =>
          server === undefined ? resolve() : server.close(() => resolve()),
        );
        await opened.close();
        release();
      };
    }
  } catch (error) {
    await handle?.close();
    release();
    throw error;
  }
  await handle.close();
  release();
  return null;
}
