// SPDX-License-Identifier: Apache-2.0
/** What a failed download shows of its datastore, over real connections: whether it is gone, or one file is bad. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFileTarget } from '../../eve-agent/src/content/file-target.ts';
import { openFlow } from '../../eve-agent/src/network/open-flow.ts';
import { judgeFailure } from '../../eve-agent/src/reconcile/judge-failure.ts';
import { createDownload } from '../../eve-agent/src/transfer/download.ts';
import { createAuthority } from '../lab/authorities.ts';
import { findFreePort } from '../lab/loopback-agent.ts';

let folder: string;
let trusted: string;
const servers: { close(): unknown; listening: boolean }[] = [];
const sockets = new Set<Socket>();
/** By what they do, the ports of 127.0.0.1. */
const ports = new Map<string, number>();

const BEHAVIOURS: Readonly<Record<string, (socket: Socket) => unknown>> = {
  closes: (socket) => socket.destroy(),
  'closes when asked': (socket) => socket.once('data', () => socket.destroy()),
  'resets when asked': (socket) => socket.once('data', () => socket.resetAndDestroy()),
  'says nothing': () => {},
  'says no HTTP': (socket) => socket.once('data', () => socket.end('hello\r\n\r\n')),
  'answers 502': (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n')),
  'breaks off the body': (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')),
  'stalls in the body': (socket) =>
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')),
};

async function listen(name: string, server: ReturnType<typeof createServer>) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  ports.set(name, (server.address() as AddressInfo).port);
}
function keep(socket: Socket) {
  sockets.add(socket);
  socket.on('error', () => socket.destroy());
  socket.on('data', () => {});
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'failure-scope-'));
  const authority = await createAuthority(folder, 'right');
  trusted = await readFile(authority.certificate, 'utf8');
  const { certificate, key } = await authority.issue('ds', 'IP:127.0.0.1');
  const pair = { cert: await readFile(certificate), key: await readFile(key) };
  for (const [name, behave] of Object.entries(BEHAVIOURS)) {
    const take = (socket: Socket) => {
      keep(socket);
      behave(socket);
    };
    await listen(name, createServer(take));
    const secured = createTlsServer(pair, take).on('tlsClientError', (_, socket) => socket.destroy());
    await listen(`${name}, secured`, secured);
  }
  ports.set('refuses', await findFreePort());
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  await rm(folder, { recursive: true });
});

interface Way {
  readonly scheme?: 'http' | 'https';
  readonly proxy?: string;
  readonly trusts?: boolean;
}

/** After how long it is left that a peer sends nothing: time enough for what comes before, and none for who answers. */
const SOON_MS = 2000;
const LATE_MS = 250_000;
const isSilent = (peer = '') => /^(says nothing|stalls)/.test(peer);

async function judge(peer: string, { scheme = 'http', proxy, trusts = true }: Way) {
  const download = createDownload(
    {
      locate: async (url) => ({ url, address: null, sourceAddress: null, bridgeName: null }),
      openFlow,
      delay: async () => {},
      now: Date.now,
      random: () => 0,
    },
    {
      retry: { maxFailures: 0, maxDelayMs: 0 },
      stallTimeoutMs: isSilent(peer) || isSilent(proxy) ? SOON_MS : LATE_MS,
      userAgent: 'test',
      proxy: proxy === undefined ? undefined : new URL(`http://127.0.0.1:${ports.get(proxy)}`),
    },
  );
  const ca = scheme === 'https' && trusts ? trusted : null;
  const url = new URL(`${scheme}://127.0.0.1:${ports.get(peer)}/image.img`);
  const target = createFileTarget(join(folder, 'image.img'));
  const request = { url, target, digest: null, sizeBytes: null, authorization: null, ca };
  const observer = { onEvent: () => {}, onProgress: () => {} };
  return await download(request, observer, new AbortController().signal).then(
    () => null,
    (error: unknown) => judgeFailure(error).datastore,
  );
}

const tls: Way = { scheme: 'https' };
it.each<[peer: string, way: Way, datastore: string]>([
  // Nobody gets in, whatever the file.
  ['refuses', {}, 'gone'],
  ['refuses', tls, 'gone'],
  ['closes', tls, 'gone'],
  ['says nothing', tls, 'gone'],
  ['says no HTTP', tls, 'gone'],
  ['answers 502', tls, 'gone'],
  ['answers 502, secured', { ...tls, trusts: false }, 'gone'],
  ['refuses', { proxy: 'refuses' }, 'gone'],
  ['refuses', { ...tls, proxy: 'refuses' }, 'gone'],
  ['refuses', { ...tls, proxy: 'closes when asked' }, 'gone'],
  ['refuses', { ...tls, proxy: 'answers 502' }, 'gone'],
  ['refuses', { ...tls, proxy: 'says nothing' }, 'gone'],
  // It took the connection, and may have an answer for other files.
  ['closes', {}, 'silent'],
  ['closes when asked', {}, 'silent'],
  ['resets when asked', {}, 'silent'],
  ['says nothing', {}, 'silent'],
  ['closes when asked, secured', tls, 'silent'],
  ['says nothing, secured', tls, 'silent'],
  ['refuses', { proxy: 'closes when asked' }, 'silent'],
  // It answered.
  ['answers 502', {}, 'answered'],
  ['answers 502, secured', tls, 'answered'],
  ['breaks off the body', {}, 'answered'],
  ['breaks off the body, secured', tls, 'answered'],
  ['stalls in the body', {}, 'answered'],
  ['refuses', { proxy: 'answers 502' }, 'answered'],
])('a peer that %s, by way of %o: %s', async (peer, way, datastore) => {
  expect(await judge(peer, way)).toBe(datastore);
});

it.each(['says no HTTP', 'says no HTTP, secured'])(
  'a peer that %s may have an answer for others',
  async (peer) => {
    const way: Way = peer.endsWith('secured') ? tls : {};
    expect(await judge(peer, way)).not.toBe('gone');
  },
);
