// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server } from 'node:net';
import { explainListenError } from './listen-error.ts';

/** A port that is held already, from before the program gave up the right to have it. */
export type BoundPort = Server;

/**
 * Takes a port and refuses whoever connects, until a server listens on what is returned.
 *
 * @param address undefined: on every one
 * @throws ConfigurationError when the port cannot be had
 */
export async function bindPort(address: string | undefined, port: number): Promise<BoundPort> {
  const holder = createServer();
  holder.maxConnections = 0;
  // Until it is taken over it shall not keep a program alive that has failed to start.
  holder.unref();
  await new Promise<void>((resolve, reject) => {
    holder.once('error', (error) => reject(explainListenError(error, port)));
    holder.listen({ port, ...(address !== undefined && { host: address }) }, resolve);
  });
  return holder;
}
