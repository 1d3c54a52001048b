// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';
import { explainListenError } from '../http/listen-error.ts';

/**
 * Takes a port for a moment.
 *
 * @param address undefined: on every address
 * @returns why it cannot be had; undefined when it can
 */
export async function whyPortTaken(address: string | undefined, port: number): Promise<string | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(address !== undefined && { host: address }) }, resolve);
    });
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return undefined;
  } catch (error) {
    return explainListenError(error, port).message;
  }
}
