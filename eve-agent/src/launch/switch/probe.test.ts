// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemProbes } from './probe.ts';

const LONG_MS = 60_000;

async function listen(server: Server): Promise<{ address: string; port: number }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
}
const listenHttp = (listener: RequestListener) => {
  const server = createHttpServer(listener);
  onTestFinished(() => server.closeAllConnections());
  return listen(server);
};
const free = async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return { address: '127.0.0.1', port };
};

describe('by HTTP', () => {
  it.each([
    [200, null],
    [204, null],
    [302, null],
    [399, null],
    [400, 'it answers 400'],
    [503, 'it answers 503'],
  ])('%i is %s', async (status, result) => {
    const paths: (string | undefined)[] = [];
    const place = await listenHttp((request, response) => {
      paths.push(request.url);
      response.writeHead(status).end('some text'.repeat(status === 204 ? 0 : 1));
    });
    expect(await systemProbes.http(place, '/ready?now', LONG_MS)).toBe(result);
    expect(paths).toEqual(['/ready?now']);
  });
  it('what breaks off is no answer', async () => {
    const place = await listenHttp((_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('some');
      setImmediate(() => response.destroy());
    });
    expect(await systemProbes.http(place, '/', LONG_MS)).toEqual(expect.any(String));
  });
  it('what is no HTTP is none either', async () => {
    const place = await listen(
      createServer((socket) => void socket.end('SSH-2.0-a\r\n').on('error', () => {})),
    );
    expect(await systemProbes.http(place, '/', LONG_MS)).toEqual(expect.any(String));
  });
  it('nobody is there, or nobody answers in time', async () => {
    expect(await systemProbes.http(await free(), '/', LONG_MS)).toContain('ECONNREFUSED');
    const place = await listenHttp(() => {});
    expect(await systemProbes.http(place, '/', 50)).toBe('no answer within 50 ms');
  });
});

describe('by TCP', () => {
  it('a connection is enough', async () => {
    const place = await listen(createServer((socket) => void socket.on('error', () => {}).resume()));
    expect(await systemProbes.tcp(place, LONG_MS)).toBeNull();
    expect(await systemProbes.tcp(await free(), LONG_MS)).toContain('ECONNREFUSED');
  });
});
