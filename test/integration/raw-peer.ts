// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { KeyPair } from '../lab/authorities.ts';

/** One request, as much of it as a scripted peer looks at. */
export interface RawRequest {
  readonly path: string;
  /** The byte from which on a part is asked for; 0: the whole. */
  readonly from: number;
  /** Counted from 1, over all connections. */
  readonly count: number;
}

/** What a peer sends, byte for byte, before it closes; null: it closes at once. */
export type RawAnswer = string | Buffer | null | readonly (string | Buffer)[];

export type RawPeer = (request: RawRequest) => RawAnswer;

/** Starts a peer on loopback that answers each connection once, whatever HTTP says about it. */
export async function startRawPeer(peer: RawPeer, tls?: KeyPair) {
  let count = 0;
  const sockets = new Set<Socket>();
  const onConnection = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    let head = '';
    socket.on('data', (bytes: Buffer) => {
      const isComplete = head.includes('\r\n\r\n');
      head += bytes.toString('latin1');
      if (isComplete || !head.includes('\r\n\r\n')) return;
      count += 1;
      const path = /^\S+ (\S+)/.exec(head)?.[1] ?? '';
      const from = Number(/\r\nrange: bytes=(\d+)-/i.exec(head)?.[1] ?? 0);
      for (const part of [peer({ path, from, count }) ?? []].flat()) socket.write(part);
      socket.end();
    });
  };
  const server =
    tls === undefined
      ? createServer(onConnection)
      : createTlsServer({ cert: readFileSync(tls.certificate), key: readFileSync(tls.key) }, onConnection);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
