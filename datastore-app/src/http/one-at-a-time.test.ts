// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Listener, listen } from './server.ts';

let listener: Listener;
let client: Socket;
let received = '';
/** Answers that were begun, by path, and not ended yet. */
const open = new Map<string, ServerResponse>();

beforeEach(async () => {
  received = '';
  open.clear();
  listener = await listen(
    { log: silentLog },
    (request, response) => {
      open.set(request.url ?? '', response);
      response.once('close', () => open.delete(request.url ?? ''));
    },
    {
      ...{ address: '127.0.0.1', port: 0, tls: undefined },
      limits: { maxConnections: 10, headerTimeoutMs: 60_000, idleTimeoutMs: 60_000 },
    },
  );
  client = connect(listener.port, '127.0.0.1');
  client.on('error', () => {});
  client.on('data', (piece) => {
    received += piece;
  });
});

afterEach(async () => {
  client.destroy();
  await listener.drain(0);
});

const ask = (...paths: string[]) =>
  client.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));

it('begins an answer only when the one before it on the connection is complete', async () => {
  ask('/1', '/2', '/3');
  for (const path of ['/1', '/2', '/3']) {
    await expect.poll(() => [...open.keys()]).toEqual([path]);
    open.get(path)?.end(`answer to ${path}`);
    await expect.poll(() => received).toContain(`answer to ${path}`);
  }
  ask('/4');
  await expect.poll(() => [...open.keys()]).toEqual(['/4']);
});

it('does not make one connection wait for another', async () => {
  ask('/slow');
  await expect.poll(() => open.has('/slow')).toBe(true);
  const other = connect(listener.port, '127.0.0.1');
  other.write('GET /quick HTTP/1.1\r\nHost: a\r\n\r\n');
  await expect.poll(() => open.has('/quick')).toBe(true);
  other.destroy();
});

it('forgets what waits behind an answer that closes the connection', async () => {
  ask('/1', '/2');
  await expect.poll(() => open.has('/1')).toBe(true);
  open.get('/1')?.writeHead(200, { Connection: 'close' }).end();
  await once(client, 'close');
  expect([...open.keys()]).toEqual([]);
});

it('closes a connection that asks too far ahead', async () => {
  ask(...Array.from({ length: 1000 }, (_, index) => `/${index}`));
  await once(client, 'close');
  await expect.poll(() => [...open.keys()]).toEqual([]);
});
