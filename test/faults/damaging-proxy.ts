// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between client and server, and changes one bit of a body as bad memory on the way would. */
export interface DamagingProxy {
  readonly port: number;
  /** Of the next connections' bodies, the byte to change; null: none. */
  damage(offset: number | null): void;
  /** How many bytes were changed. */
  damagedBytes(): number;
  stop(): Promise<void>;
}

const END_OF_HEAD = '\r\n\r\n';

/** @param port of the server, on loopback */
export async function startDamagingProxy(port: number): Promise<DamagingProxy> {
  let offset: number | null = null;
  let damagedBytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const damageAt = offset;
    let head = '';
    /** Where in the body the next byte stands; negative in the head. */
    let position = -1;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      let bodyStart = 0;
      if (position < 0) {
        const before = head.length;
        head += chunk.toString('latin1');
        const end = head.indexOf(END_OF_HEAD);
        if (end >= 0) {
          bodyStart = end + END_OF_HEAD.length - before;
          position = 0;
        }
      }
      if (position >= 0) {
        const at = damageAt === null ? -1 : damageAt - position + bodyStart;
        if (at >= bodyStart && at < chunk.length) {
          chunk[at] = (chunk[at] ?? 0) ^ 1;
          damagedBytes += 1;
        }
        position += chunk.length - bodyStart;
      }
      if (!client.write(chunk)) {
        upstream.pause();
        client.once('drain', () => upstream.resume());
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    damage(next) {
      offset = next;
    },
    damagedBytes: () => damagedBytes,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
