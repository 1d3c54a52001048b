// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { openFlow } from '../network/open-flow.ts';
import { createDispatcher } from './dispatcher.ts';
import { fetchBody } from './fetch-body.ts';

it('goes on within a chunk for a receiver that pauses at each piece, and gives it no empty one', async () => {
  const content = Buffer.alloc(300_000, 'content');
  const halves = [content.subarray(0, 1000), content.subarray(1000)] as const;
  const goneOn = Promise.withResolvers<void>();
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    socket.once('data', async () => {
      socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${content.length.toString(16)}\r\n`);
      socket.write(halves[0]);
      // There is nothing to read when the receiver lets it go on.
      await goneOn.promise;
      socket.write(halves[1]);
      socket.write('\r\n0\r\n\r\n');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const dispatcher = createDispatcher(openFlow, {
    ...{ url, address: null, localAddress: null, ca: null, refusesInternal: false, proxy: undefined },
    bodyRegion: () => undefined,
  });
  const pieces: Buffer[] = [];
  let onSpace = () => {};
  try {
    await fetchBody(
      dispatcher,
      { url, address: null, headers: {}, stallTimeoutMs: 600_000 },
      {
        take(piece) {
          if (piece.length === 0) throw new Error('there is nothing in it');
          pieces.push(Buffer.from(piece));
          setImmediate(() => {
            onSpace();
            goneOn.resolve();
          });
          return false;
        },
        listen(listener) {
          onSpace = listener;
        },
      },
      async () => ({ maxBytes: null }),
      new AbortController().signal,
    );
  } finally {
    await dispatcher.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
  expect(Buffer.concat(pieces).equals(content)).toBe(true);
});
