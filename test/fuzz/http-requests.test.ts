// SPDX-License-Identifier: Apache-2.0
/** Requests of any kind at the running datastore: each gets an answer or a close, and none gets what is not served. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';

const REQUESTS = repetitions({ short: 6000, long: 12_000 });
const TOGETHER = 8;
const IMAGE = 'the image that everybody may read '.repeat(200);
/** In files that no request may bring out. */
const SECRET = 'this must never leave';
const ANSWER = /^HTTP\/1\.1 [1-5]\d\d [^\r\n]*\r\n/;

let place: DatastoreFolder;
let datastore: LoopbackDatastore;

beforeAll(async () => {
  place = await createDatastoreFolder();
  await mkdir(join(place.root, 'folder'), { recursive: true });
  await mkdir(join(place.root, 'lost+found'));
  await writeFile(join(place.root, 'disk.img'), IMAGE);
  await writeFile(join(place.root, 'folder', 'é x.img'), IMAGE);
  await writeFile(join(place.folder, 'secret'), SECRET);
  await writeFile(join(place.root, '.hidden'), SECRET);
  await writeFile(join(place.root, 'lost+found', 'secret'), SECRET);
  await symlink(join(place.folder, 'secret'), join(place.root, 'link.img'));
  await symlink(place.folder, join(place.root, 'up'));
  datastore = await place.start();
});
afterAll(() => place?.remove());

const METHODS = [
  'GET',
  'GET',
  'GET',
  'HEAD',
  'PUT',
  'POST',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'get',
  'X',
];
const PIECES = [
  'disk.img',
  'folder',
  '%C3%A9%20x.img',
  '..',
  '%2e%2e',
  '..%2f',
  '.',
  '',
  'secret',
  '.hidden',
  'link.img',
];
const MORE = [
  'up',
  'lost+found',
  'state',
  'write-token',
  '-',
  'api',
  'v1',
  'images',
  'uploads',
  'status',
  '%00',
  '%',
  '\\',
];
const OWN = [
  '/-/',
  '/-/api/v1/images',
  '/-/api/v1/uploads',
  '/-/api/v1/status',
  '/-/metrics',
  '/-/readyz',
  '/-/ca.pem',
];

function somePath(random: Random): string {
  if (random.next() < 0.4) return random.pick(['/disk.img', '//disk.img', '/folder/%C3%A9%20x.img']);
  const names = Array.from({ length: random.integer(0, 5) }, () => random.pick([...PIECES, ...MORE]));
  const path = `/${names.join('/')}`;
  return random.pick([
    path,
    path,
    path,
    `${random.pick(OWN)}/${names.join('/')}`,
    random.pick(OWN),
    `//x${path}`,
    '*',
  ]);
}

const pickNumber = (random: Random) =>
  String(
    random.pick([0, 1, 5, IMAGE.length - 1, IMAGE.length, IMAGE.length + 1, -1, 2 ** 53, '9'.repeat(30)]),
  );

/** A field that a client may send. */
function soundField(random: Random): string {
  const number = () => pickNumber(random);
  const make = random.pick([
    () => `Range: bytes=${number()}-${number()}`,
    () => `Range: bytes=${number()}-`,
    () => `Range: bytes=-${number()}`,
    () => `Range: ${'bytes=0-1,'.repeat(random.integer(1, 200))}5-6`,
    () => `If-Range: "stat:${number()}"`,
    () => `If-Match: ${random.pick(['*', '"x"', 'W/"x"', '"'])}`,
    () => `If-None-Match: ${random.pick(['*', '"x"', '"'])}`,
    () => `If-Modified-Since: ${random.pick(['Tue, 03 Feb 2026 04:05:06 GMT', 'x', '0'])}`,
    () => 'Accept-Encoding: gzip, br',
    () => `X-Forwarded-For: ${random.integer(0, 255)}.0.0.1`,
    () =>
      `Tus-Resumable: 1.0.0\r\nUpload-Length: ${number()}\r\nUpload-Metadata: ${random.pick(['path ZGlzay5pbWc=', 'x'])}`,
    () => `Upload-Offset: ${number()}\r\nContent-Type: application/offset+octet-stream`,
    () => `Repr-Digest: ${random.pick(['sha-256=:x:', 'x', ''])}`,
    () => `Authorization: ${random.pick(['Basic x', 'Bearer', 'Bearer x y', 'Basic Ojo=', 'x', ' '])}`,
  ]);
  return make();
}

/** A field that says something of the message itself which is not so, or that is none. */
function unsoundField(random: Random): string {
  const make = random.pick([
    () => `Content-Length: ${random.pick(['0', '3', '-1', 'x', '99999999999999999999', '3, 3'])}`,
    () => `Transfer-Encoding: ${random.pick(['chunked', 'gzip, chunked', 'identity', 'x'])}`,
    () => `Expect: ${random.pick(['100-continue', 'x'])}`,
    () => `Upgrade: ${random.pick(['h2c', 'websocket'])}\r\nConnection: Upgrade`,
    () =>
      `X-Bytes: ${random
        .bytes(5)
        .toString('latin1')
        .replace(/[\r\n]/g, '')}`,
    () => `X${'-x'.repeat(random.integer(0, 9000))}: y`,
    () => 'Bad Name: x',
    () => ' folded',
  ]);
  return make();
}

/** The bytes of a request, mostly well formed; never with the write token. */
function someRequest(random: Random): Buffer {
  const version = random.next() < 0.9 ? 'HTTP/1.1' : random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/9', '']);
  const fields = Array.from({ length: random.integer(0, 3) }, () =>
    random.next() < 0.9 ? soundField(random) : unsoundField(random),
  );
  if (random.next() < 0.97) fields.unshift('Host: ds.local');
  const target = random.next() < 0.1 ? `http://ds.local${somePath(random)}` : somePath(random);
  const line = `${random.pick(METHODS)} ${target}${random.pick(['', '', '?a=../b'])} ${version}`;
  const body =
    random.next() < 0.8
      ? ''
      : random.pick(['0\r\n\r\n', '3\r\nabc\r\n0\r\n\r\n', 'abc', 'GET / HTTP/1.1\r\n\r\n']);
  const bytes = Buffer.from(`${[line, ...fields].join('\r\n')}\r\n\r\n${body}`, 'latin1');
  if (random.next() < 0.9) return bytes;
  for (let count = random.integer(1, 4); count > 0; count -= 1) {
    bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
  }
  return random.next() < 0.5 ? bytes : bytes.subarray(0, random.integer(1, bytes.length));
}

/** Ends the connection of whoever was understood. */
const LAST_REQUEST = 'GET /-/livez HTTP/1.1\r\nHost: ds.local\r\nConnection: close\r\n\r\n';
/** To whoever waits for more, it is said after this that no more comes. */
const END_AFTER_MS = 200;

/** Sends bytes and reads to the close. */
function exchange(bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(datastore.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.setTimeout(20_000, () =>
      socket.destroy(new Error(`neither answer nor close: ${bytes.toString('latin1')}`)),
    );
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error) => {
      // Refused while it was still sending: a close as well.
      if (/EPIPE|ECONNRESET/.test(error.message)) return;
      reject(error);
    });
    const end = setTimeout(() => socket.end(), END_AFTER_MS);
    socket.on('close', () => {
      clearTimeout(end);
      resolve(Buffer.concat(chunks).toString('latin1'));
    });
    socket.write(bytes);
    socket.write(LAST_REQUEST);
  });
}

it('answers or closes, serves nothing else, and lives', async () => {
  const random = randomOfThisRun('HTTP requests');
  const statuses = new Map<string, number>();
  const askMany = async (from: Random) => {
    for (let count = 0; count < REQUESTS / TOGETHER; count += 1) {
      const request = someRequest(from);
      const answer = await exchange(request);
      const shown = `${request.toString('latin1').slice(0, 2000)}\n${answer.slice(0, 500)}`;
      if (answer !== '') expect(answer, shown).toMatch(ANSWER);
      expect(answer, shown).not.toContain(SECRET);
      expect(answer, shown).not.toContain(WRITE_TOKEN);
      const status = answer === '' ? 'closed' : answer.slice(9, 12);
      if (status.startsWith('5')) expect(['503', '501', '505', '507'], shown).toContain(status);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, () => askMany(random.fork())));
  process.stderr.write(`HTTP requests: ${JSON.stringify(Object.fromEntries([...statuses].sort()))}\n`);
  expect(datastore.child.exitCode).toBeNull();
  expect(datastore.log()).not.toContain('"level":"error"');
  expect(await (await fetch(`${datastore.url}/disk.img`)).text()).toBe(IMAGE);
  expect((await fetch(`${datastore.url}/-/livez`)).status).toBe(200);
  for (const status of ['200', '206', '400', '401', '404', '416'])
    expect(statuses.get(status)).toBeGreaterThan(0);
});
