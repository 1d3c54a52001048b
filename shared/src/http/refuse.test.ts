// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, request as httpRequest, type OutgoingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { refuse, sayContinue } from './refuse.ts';

const MIB = 1024 * 1024;
const PROBLEM = { status: 409, detail: 'Not this one.', code: 'IMAGE_EXISTS' };

let server: Server;
let isAsked: boolean;

beforeEach(async () => {
  isAsked = false;
  server = createServer();
  for (const event of ['request', 'checkContinue'] as const) {
    server.on(event, (request, response) => {
      if (isAsked) sayContinue(request, response);
      refuse(request, response, PROBLEM, { Allow: 'GET' });
    });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function open(method: string, headers: OutgoingHttpHeaders = {}) {
  const { port } = server.address() as AddressInfo;
  const request = httpRequest({ host: '127.0.0.1', port, method, headers, agent: false });
  // That the connection ends while one sends is what is tested.
  request.on('error', () => {});
  return request;
}

it('answers with a problem document, and keeps a connection on which nothing more comes', async () => {
  const [response] = await once(open('GET', { Connection: 'keep-alive' }).end(), 'response');
  expect([response.statusCode, response.headers]).toMatchObject([
    409,
    { 'content-type': 'application/problem+json', 'cache-control': 'no-store', allow: 'GET' },
  ]);
  expect(response.headers.connection).not.toBe('close');
  expect(JSON.parse(await text(response))).toEqual({
    type: 'about:blank',
    title: 'Conflict',
    ...PROBLEM,
  });
});

it('has no content for HEAD', async () => {
  const [response] = await once(open('HEAD').end(), 'response');
  expect([response.statusCode, await text(response)]).toEqual([409, '']);
});

it('is read by a client that sends its body to the end', async () => {
  const request = open('PUT', { 'Content-Length': 8 * MIB }).end(Buffer.alloc(8 * MIB));
  const [response] = await once(request, 'response');
  expect([response.statusCode, response.headers.connection]).toEqual([409, 'close']);
  expect(await text(response)).toContain(PROBLEM.detail);
});

it('ends the connection of a client that sends and sends', async () => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  // That it cannot send on is what is waited for.
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let sentBytes = 0;
  const piece = Buffer.alloc(MIB);
  const sendOn = () => {
    while (!socket.destroyed && socket.write(piece)) sentBytes += MIB;
    sentBytes += MIB;
  };
  socket.write(`PUT / HTTP/1.1\r\nHost: ds\r\nContent-Length: ${1024 * MIB}\r\n\r\n`);
  socket.on('drain', sendOn);
  sendOn();
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1.1 409 /);
  await closed;
  expect(sentBytes).toBeGreaterThan(64 * MIB);
  expect(sentBytes).toBeLessThan(1024 * MIB);
});

it.each([
  ['does not ask for the body of a client that waits to send it', false, 0],
  ['takes what a client sends that was asked for it before', true, 1],
])('%s', async (_title, asked, continues) => {
  isAsked = asked;
  const request = open('PUT', { Expect: '100-continue', 'Content-Length': MIB });
  let heard = 0;
  request.on('continue', () => {
    heard += 1;
    request.end(Buffer.alloc(MIB));
  });
  request.flushHeaders();
  const [response] = await once(request, 'response');
  expect([heard, response.statusCode, response.headers.connection]).toEqual([continues, 409, 'close']);
  request.destroy();
});

it('is heard by a client whose own input pauses before it reads, however it goes on', async () => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const errors: Error[] = [];
  socket.on('error', (error) => errors.push(error));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    socket.write(`PUT / HTTP/1.1\r\nHost: ds\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n`);
    const answered = once(socket, 'data');
    const [answer] = await answered;
    expect(String(answer)).toMatch(/^HTTP\/1.1 409 /);
    await vi.advanceTimersByTimeAsync(30_000);
    // What comes after the pause meets an open connection: a reset would lose what is not read yet.
    const ended = once(socket, 'end');
    socket.write('1\r\nb\r\n0\r\n\r\n');
    await ended;
    expect(errors).toEqual([]);
  } finally {
    vi.useRealTimers();
    socket.destroy();
  }
});

it('ends the connection of a client that never goes on', async () => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    socket.write(`PUT / HTTP/1.1\r\nHost: ds\r\nContent-Length: 10\r\n\r\na`);
    await once(socket, 'data');
    const ended = once(socket, 'end');
    await vi.advanceTimersByTimeAsync(60_000);
    await ended;
  } finally {
    vi.useRealTimers();
    socket.destroy();
  }
});
