// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type EventStream, startEventStream } from './event-stream.ts';

/** More than the kernel holds between two sockets. */
const MUCH = 'x'.repeat(1024 * 1024);

let server: Server;
let client: Socket;
let response: ServerResponse;
let stream: EventStream;
let errors: Error[];

beforeEach(async () => {
  errors = [];
  server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  // Nobody reads.
  client.pause();
  client.write('GET / HTTP/1.1\r\nHost: agent\r\n\r\n');
  [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  response.on('error', (error) => errors.push(error));
  stream = startEventStream(response, () => {});
});
afterEach(() => {
  client.destroy();
  server.closeAllConnections();
  server.close();
});

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

it('writes nothing after its end to a client that has not read to there', async () => {
  for (let i = 0; i < 16; i++) stream.send('line', MUCH);
  stream.end();
  stream.send('line', 'late');
  await nextTurn();
  expect(errors).toEqual([]);
  expect(response.writableFinished).toBe(false);

  let received = '';
  client.on('data', (bytes) => {
    received = (received + bytes).slice(-100);
  });
  await once(client.resume(), 'data');
  // The last chunk (RFC 9112 §7.1): nothing follows it.
  await expect.poll(() => received).toMatch(/\r\n0\r\n\r\n$/);
  expect(response.writableFinished).toBe(true);
  expect(received).not.toContain('late');
});

it('sends all that there is at first, and cuts off who does not read what follows', async () => {
  for (let i = 0; i < 16; i++) stream.send('content-tree', MUCH);
  await nextTurn();
  expect(response.destroyed).toBe(false);
  for (let i = 0; i < 16; i++) stream.send('content-tree', MUCH);
  expect(response.destroyed).toBe(true);
});

it('is over with its connection, also where it waits for the answer to an earlier request', async () => {
  const closed: number[] = [];
  const paths: string[] = [];
  server.on('request', (request, waiting: ServerResponse) => {
    startEventStream(waiting, () => closed.push(paths.length)).send('line', MUCH);
    paths.push(request.url ?? '');
  });
  client.write('GET /2 HTTP/1.1\r\nHost: agent\r\n\r\nGET /3 HTTP/1.1\r\nHost: agent\r\n\r\n');
  await expect.poll(() => paths).toEqual(['/2', '/3']);
  client.destroy();
  await expect.poll(() => closed).toEqual([2, 2]);
  await nextTurn();
  expect(errors).toEqual([]);
});
