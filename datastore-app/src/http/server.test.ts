// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { silentLog } from '@local-datastore/shared/log';
import { expect, it } from 'vitest';
import { listen } from './server.ts';

const HEAD = 'PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n';

/** A server that counts what comes, and answers when all has come. */
async function start(idleTimeoutMs: number) {
  let receivedBytes = 0;
  const sockets: Socket[] = [];
  const listener = await listen(
    { log: silentLog },
    (request, response) => {
      sockets.push(request.socket);
      request.on('data', (piece: Buffer) => {
        receivedBytes += piece.length;
      });
      request.on('end', () => response.end('done'));
    },
    {
      ...{ address: '127.0.0.1', port: 0, tls: undefined },
      limits: { maxConnections: 10, headerTimeoutMs: 60_000, idleTimeoutMs },
    },
  );
  const client = connect(listener.port, '127.0.0.1');
  client.on('error', () => {});
  client.write(HEAD);
  return { listener, client, sockets, receivedBytes: () => receivedBytes };
}

it('lets a request take any time as long as something comes', async () => {
  const { listener, client, sockets, receivedBytes } = await start(12_345);
  const answered = once(client, 'data');
  await expect.poll(() => sockets.length).toBe(1);
  for (let sentBytes = 0; sentBytes < 1000; sentBytes += 50) {
    await expect.poll(receivedBytes).toBe(sentBytes);
    // Node begins to count anew with each piece; how long that takes is its business, and what it counts to is ours.
    expect(sockets.map(({ timeout }) => timeout)).toEqual([12_345]);
    client.write(Buffer.alloc(50));
  }
  expect(String((await answered)[0])).toContain('done');
  const { server } = sockets[0] as Socket & { server: Server };
  expect(server.requestTimeout).toBe(0);
  expect(server.headersTimeout).toBe(60_000);
  client.destroy();
  await listener.drain(0);
});

it('cuts a request of which nothing comes any more', async () => {
  const { listener, client } = await start(400);
  await once(client, 'close');
  await listener.drain(0);
});
