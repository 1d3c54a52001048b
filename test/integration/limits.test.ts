// SPDX-License-Identifier: Apache-2.0
/** What clients may cost the datastore: the real program on loopback. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';

const IMAGE = randomBytes(8 * 1024 * 1024);

let place: DatastoreFolder;
let sockets: Socket[];

beforeEach(async () => {
  place = await createDatastoreFolder();
  sockets = [];
  await mkdir(place.root);
  await writeFile(join(place.root, 'disk.img'), IMAGE);
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await place.remove();
});

/** Opens a connection and sends the beginning of a request, or nothing. */
async function open(
  { port }: LoopbackDatastore,
  beginning: string,
  localAddress = '127.0.0.1',
): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  sockets.push(socket);
  // A refused connection ends with ECONNRESET; what matters is that it ends.
  socket.on('error', () => {});
  await once(socket, 'connect');
  if (beginning !== '') socket.write(beginning);
  return socket;
}

async function download({ url }: LoopbackDatastore): Promise<Buffer> {
  return Buffer.from(await (await fetch(`${url}/disk.img`)).arrayBuffer());
}

it('serves beside 2,000 idle and slow connections, and 100 downloads that nobody reads', async () => {
  const datastore = await place.start();
  const beginnings = ['', 'GET /disk.img HTTP/1.1\r\nHost: a\r\nX-Slow: '];
  for (let count = 0; count < 1000; count += 1) {
    await Promise.all(beginnings.map((beginning) => open(datastore, beginning)));
  }
  for (let count = 0; count < 100; count += 1) {
    const socket = await open(datastore, 'GET /disk.img HTTP/1.1\r\nHost: a\r\n\r\n');
    socket.pause();
  }
  for (let count = 0; count < 3; count += 1) {
    expect((await download(datastore)).equals(IMAGE)).toBe(true);
  }
  expect((await fetch(`${datastore.url}/-/livez`)).status).toBe(200);
});

it('closes a connection whose request does not become complete', async () => {
  const datastore = await place.start('--header-timeout', '1');
  const socket = await open(datastore, 'GET /disk.img HTTP/1.1\r\nX-Slow: ');
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
});

it('closes a download that nobody reads', async () => {
  const datastore = await place.start('--idle-timeout', '1');
  const socket = await open(datastore, 'GET /disk.img HTTP/1.1\r\nHost: a\r\n\r\n');
  socket.pause();
  const downloads = async () => {
    const status = await (await fetch(`${datastore.url}/-/api/v1/status`)).json();
    return (status as { downloads: unknown }).downloads;
  };
  await expect
    .poll(downloads)
    .toEqual([expect.objectContaining({ path: 'disk.img', state: 'broken', totalBytes: IMAGE.length })]);
});

it('refuses connections beyond the limit, says so, and takes them again', async () => {
  const datastore = await place.start('--max-connections', '2');
  const held = [await open(datastore, ''), await open(datastore, '', '127.0.0.2')];
  const refused = await open(datastore, 'GET /-/livez HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await text(refused).catch(() => '')).toBe('');
  await expect.poll(datastore.log).toContain('--max-connections are open');
  for (const socket of held) socket.destroy();
  await expect.poll(() => download(datastore).catch(() => Buffer.alloc(0))).toEqual(IMAGE);
});

it('keeps connections for others where one client has its share', async () => {
  const datastore = await place.start('--max-connections', '16');
  const unread = 'GET /disk.img HTTP/1.1\r\nHost: a\r\n\r\n';
  const busy: Socket[] = [];
  for (let count = 0; count < 4; count += 1) {
    const socket = await open(datastore, unread, '127.0.0.2');
    await once(socket, 'readable');
    busy.push(socket);
  }
  // One that waits is closed for one that comes, and what is answered stays.
  for (let count = 0; count < 40; count += 1) await open(datastore, 'GET /', '127.0.0.2');
  await expect.poll(datastore.log).toContain('its client has its share of --max-connections');
  expect((await download(datastore)).equals(IMAGE)).toBe(true);
  expect(busy.map(({ closed }) => closed)).toEqual([false, false, false, false]);
});

it('bounds what downloads cost that nobody reads', async () => {
  const datastore = await place.start();
  const memory = () =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${datastore.child.pid}/status`, 'utf8'))?.[1]) / 1024;
  const before = memory();
  // Each would hold 768 KiB if nothing were shared.
  const [clients, each] = [8, 60];
  for (let client = 2; client < 2 + clients; client += 1) {
    const unread = () => open(datastore, 'GET /disk.img HTTP/1.1\r\nHost: a\r\n\r\n', `127.0.0.${client}`);
    for (const socket of await Promise.all(Array.from({ length: each }, unread))) socket.pause();
  }
  const running = async () =>
    /datastore_downloads_in_flight(?:\{[^}]*\})? (\d+)/.exec(
      await (await fetch(`${datastore.url}/-/metrics`)).text(),
    )?.[1];
  await expect.poll(running).toBe(String(clients * each));
  expect((await download(datastore)).equals(IMAGE)).toBe(true);
  // 26 MiB pooled, 32 MiB in plain chunks, and 24 KiB for each other one, beside 16 KiB for the connection itself
  // and what the garbage collector has not looked at yet.
  expect(memory() - before).toBeLessThan(192);
});

it.each([
  ['a head that is too long', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
  ['what is no HTTP', 'BitTorrent protocol\r\n\r\n', 400],
  ['no Host', 'GET /disk.img HTTP/1.1\r\n\r\n', 400],
])('answers %s with an error, and goes on', async (_what, request, status) => {
  const datastore = await place.start();
  const socket = await open(datastore, request);
  expect(await text(socket)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect((await download(datastore)).equals(IMAGE)).toBe(true);
});

it.each(['TRACE', 'PROPFIND', 'LOCK', 'MKCOL', 'MOVE'])('has no %s, for anybody', async (method) => {
  const datastore = await place.start('--read-password', 'read-password-1');
  for (const path of ['/', '/disk.img', '/-/', '/-/api/v1/images']) {
    const { status, headers } = await datastore.get(path, { Cookie: 'secret' }, method);
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS, PUT, POST, DELETE, PATCH']);
  }
});
