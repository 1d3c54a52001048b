// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createDownloadLog } from '../activity/downloads.ts';
import type { FinishedRequest } from '../activity/finished-request.ts';
import { observeRequests } from './observe-requests.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(handler: RequestListener): Promise<{ url: string; finished: FinishedRequest[] }> {
  const finished: FinishedRequest[] = [];
  server = createServer(observeRequests(handler, (request) => finished.push(request)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, finished };
}

it('tells of each request what it alone sent and received', async () => {
  const { url, finished } = await serve((request, response) => {
    request.resume().on('end', () => response.end('x'.repeat(request.url?.startsWith('/-/a') ? 10 : 1000)));
  });
  await (await fetch(`${url}/-/a?token=secret`, { headers: { 'User-Agent': 'test' } })).text();
  await (await fetch(`${url}/b`, { method: 'PUT', body: 'y'.repeat(5000) })).text();
  await expect.poll(() => finished.length).toBe(2);
  const [own, image] = finished as [FinishedRequest, FinishedRequest];
  expect(own).toMatchObject({
    method: 'GET',
    path: '/-/a',
    kind: 'own',
    status: 200,
    client: '127.0.0.1',
    userAgent: 'test',
    isComplete: true,
  });
  expect(own.sentBytes).toBeLessThan(1000);
  expect(image).toMatchObject({ method: 'PUT', path: '/b', kind: 'image' });
  expect(image.sentBytes).toBeGreaterThan(1000);
  expect(image.sentBytes).toBeLessThan(2000);
  expect(image.receivedBytes).toBeGreaterThan(5000);
});

it('follows downloads to their end, well or broken off', async () => {
  const downloads = createDownloadLog({ now: () => 0 });
  const { promise: continued, resolve: goOn } = Promise.withResolvers<void>();
  const { url, finished } = await serve((request, response) => {
    downloads.begin(request, response, request.url?.slice(1) ?? '');
    response.setHeader('Content-Length', 20);
    response.write('x'.repeat(10));
    void continued.then(() => response.end('x'.repeat(10)));
  });
  const whole = await fetch(`${url}/whole`, { headers: { 'User-Agent': 'test' } });
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write('GET /broken HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  expect(downloads.runningCount()).toBe(2);
  expect(downloads.list()).toEqual([
    expect.objectContaining({ id: 2, path: 'broken', state: 'running', totalBytes: 20, endedAt: null }),
    expect.objectContaining({ id: 1, path: 'whole', state: 'running', userAgent: 'test' }),
  ]);
  socket.destroy();
  await expect.poll(() => downloads.runningCount()).toBe(1);
  goOn();
  await whole.text();
  await expect.poll(() => finished.length).toBe(2);
  expect(downloads.list()).toEqual([
    {
      id: 1,
      path: 'whole',
      client: '127.0.0.1',
      userAgent: 'test',
      startedAt: '1970-01-01T00:00:00.000Z',
      endedAt: '1970-01-01T00:00:00.000Z',
      sentBytes: 20,
      totalBytes: 20,
      state: 'done',
    },
    expect.objectContaining({ id: 2, path: 'broken', state: 'broken', userAgent: null }),
  ]);
});

it('does not count answers without an image among the downloads', async () => {
  const downloads = createDownloadLog();
  const { url, finished } = await serve((request, response) => {
    downloads.begin(request, response, 'a');
    response.writeHead(416).end();
  });
  await (await fetch(url)).text();
  await expect.poll(() => finished.length).toBe(1);
  expect(downloads.list()).toEqual([]);
});
