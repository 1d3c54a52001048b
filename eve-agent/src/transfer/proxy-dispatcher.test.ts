// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import { openFlow } from '../network/open-flow.ts';
import { ProxyDispatcher } from './proxy-dispatcher.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});
async function start(server: Server): Promise<URL> {
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

it('asks the proxy for plain URLs, with the whole URL', async () => {
  const asked: string[] = [];
  const proxy = await start(
    createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end('through the proxy');
    }),
  );
  const dispatcher = new ProxyDispatcher({ openFlow, proxy, ca: null, connectTimeoutMs: 60_000 });
  const { body } = await dispatcher.request({ origin: 'http://far.example', path: '/a.img', method: 'GET' });
  expect(await text(body)).toBe('through the proxy');
  expect(asked).toEqual(['http://far.example/a.img']);
  await dispatcher.destroy();
});

it('opens a tunnel for https', async () => {
  const server = createServer();
  const asked: string[] = [];
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  const dispatcher = new ProxyDispatcher({
    openFlow,
    proxy: await start(server),
    ca: null,
    connectTimeoutMs: 60_000,
  });
  await expect(
    dispatcher.request({ origin: 'https://far.example', path: '/', method: 'GET' }),
  ).rejects.toThrow();
  expect(asked).toEqual(['far.example:443']);
  await dispatcher.destroy();
});
