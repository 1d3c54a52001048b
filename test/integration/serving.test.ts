// SPDX-License-Identifier: Apache-2.0
/** What the datastore answers to who asks for an image: the real program, judged by what comes over the socket. */
import { randomBytes } from 'node:crypto';
import { symlink, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADDRESS,
  type Answer,
  createDatastoreFolder,
  type DatastoreFolder,
  LAST_MODIFIED,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { entityTagAt, entityTagOf, expectProblem, reprDigestOf, untilHashed } from './followed-downloads.ts';

const SMALL = randomBytes(65_537);
const LARGE = randomBytes(3 * 1024 * 1024 + 17);

/** The head of an answer, without what the connection and the clock add. */
function fileHeaders({ headers }: Answer): IncomingHttpHeaders {
  const { date, connection, 'keep-alive': _keepAlive, ...rest } = headers;
  expect(date).toMatch(/GMT$/);
  expect(connection).toBeDefined();
  return rest;
}

let place: DatastoreFolder;
let server: LoopbackDatastore;

beforeAll(async () => {
  place = await createDatastoreFolder();
  await place.put('images/small.img', SMALL);
  await place.put('images/large.img', LARGE);
  await place.put('page.html', '<script>alert(1)</script>');
  await place.put('empty.img', '');
  server = await place.start();
  await untilHashed(server, '/images/small.img', SMALL);
  await untilHashed(server, '/images/large.img', LARGE);
});

afterAll(() => place.remove());

describe.each([
  ['small', SMALL],
  ['large', LARGE],
])('serves a %s image', (name, content) => {
  const path = `/images/${name}.img`;
  const common = {
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
    etag: entityTagOf(content),
    'last-modified': LAST_MODIFIED,
    'repr-digest': reprDigestOf(content),
    'x-content-type-options': 'nosniff',
  };
  const expectWhole = (answer: Answer) => {
    expect(answer.status).toBe(200);
    expect(fileHeaders(answer)).toEqual({ ...common, 'content-length': String(content.length) });
    expect(answer.body.equals(content)).toBe(true);
  };
  const expectPart = (answer: Answer, start: number, end: number) => {
    expect(answer.status).toBe(206);
    expect(fileHeaders(answer)).toEqual({
      ...common,
      'content-length': String(end - start),
      'content-range': `bytes ${start}-${end - 1}/${content.length}`,
    });
    expect(answer.body.equals(content.subarray(start, end))).toBe(true);
  };

  it('whole', async () => expectWhole(await server.get(path)));
  it('whatever the query', async () => expectWhole(await server.get(`${path}?a=/../b&c`)));
  it('with merged slashes', async () => expectWhole(await server.get(`//images//${name}.img`)));
  it('never compressed', async () => {
    expectWhole(await server.get(path, { 'accept-encoding': 'gzip, br, zstd' }));
  });

  it('as a head alone', async () => {
    const answer = await server.get(path, { range: 'bytes=5-' }, 'HEAD');
    expect(answer.status).toBe(200);
    expect(fileHeaders(answer)).toEqual({ ...common, 'content-length': String(content.length) });
    expect(answer.body).toHaveLength(0);
  });

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=1000-', 1000, content.length],
    ['bytes=100-65000', 100, 65_001],
    ['bytes=-7', content.length - 7, content.length],
    [`bytes=-${content.length + 1}`, 0, content.length],
    [`bytes=9-${content.length + 9}`, 9, content.length],
  ])('in the range %s', async (range, start, end) => {
    expectPart(await server.get(path, { range }), start, end);
  });

  it.each([`bytes=${content.length}-`, 'bytes=-0'])('not in the range %s', async (range) => {
    const answer = await server.get(path, { range });
    expect(answer.status).toBe(416);
    expect(answer.headers).toMatchObject({
      'accept-ranges': 'bytes',
      'content-range': `bytes */${content.length}`,
    });
    expectProblem(answer, 416);
  });

  it.each(['bytes=0-1,5-6', 'bytes=9-5', 'lines=0-1'])('whole for the range %s', async (range) => {
    expectWhole(await server.get(path, { range }));
  });

  it('in a range if it is still what the digest names', async () => {
    const condition = entityTagOf(content);
    expectPart(await server.get(path, { range: 'bytes=9-', 'if-range': condition }), 9, content.length);
  });

  // Another file may have the same date.
  it.each(['"sha256:other"', LAST_MODIFIED, 'Tue, 03 Feb 2026 04:05:07 GMT'])(
    'whole if it is no more what If-Range names, or cannot be known to be: %s',
    async (condition) => {
      expectWhole(await server.get(path, { range: 'bytes=9-', 'if-range': condition }));
      expectWhole(await server.get(path, { range: 'bytes=9-', 'if-range': `W/${entityTagOf(content)}` }));
    },
  );

  it('if it matches, and 412 if not', async () => {
    expectWhole(await server.get(path, { 'if-match': entityTagOf(content) }));
    const answer = await server.get(path, { 'if-match': '"other"', range: 'bytes=9-' });
    expect(answer.status).toBe(412);
    expect(answer.headers.etag).toBe(entityTagOf(content));
    expectProblem(answer, 412);
    const old = await server.get(path, { 'if-unmodified-since': 'Tue, 03 Feb 2026 04:05:05 GMT' });
    expect(old.status).toBe(412);
    expectProblem(old, 412);
  });

  it('not again to who has it', async () => {
    const answer = await server.get(path, { 'if-none-match': entityTagOf(content) });
    expect([answer.status, answer.body.length]).toEqual([304, 0]);
    expect((await server.get(path, { 'if-modified-since': LAST_MODIFIED })).status).toBe(304);
  });
});

it('serves an empty file', async () => {
  const answer = await server.get('/empty.img');
  expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '0', 0]);
  expect((await server.get('/empty.img', { range: 'bytes=0-' })).status).toBe(416);
});

it('serves a web page as bytes', async () => {
  expect((await server.get('/page.html')).headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'x-content-type-options': 'nosniff',
  });
});

it('answers several requests on one connection', async () => {
  const socket = connect(server.port, ADDRESS);
  const head = `Host: ${ADDRESS}\r\n`;
  socket.write(`GET /page.html HTTP/1.1\r\n${head}\r\nGET /absent HTTP/1.1\r\n${head}\r\n`);
  socket.write(`GET /images/large.img HTTP/1.1\r\n${head}Connection: close\r\n\r\n`);
  const all = await buffer(socket);
  expect(all.toString('latin1').match(/HTTP\/1\.1 \d{3}/g)).toEqual([
    'HTTP/1.1 200',
    'HTTP/1.1 404',
    'HTTP/1.1 200',
  ]);
  expect(all.subarray(-LARGE.length).equals(LARGE)).toBe(true);
});

it('follows a link inside the root, with the digest of the file', async () => {
  await symlink('images/large.img', join(place.root, 'alias.img'));
  const answer = await server.get('/alias.img');
  expect(answer.headers.etag).toBe(entityTagOf(LARGE));
  expect(answer.body.equals(LARGE)).toBe(true);
});

it('resumes what was begun before the digest was known', async () => {
  const content = randomBytes(2 * 1024 * 1024);
  // Written just now, and so not hashed yet.
  await writeFile(join(place.root, 'new.img'), content);
  const statTag = await entityTagAt(server, '/new.img');
  expect(statTag).toMatch(/^"stat:[0-9a-f]+-[0-9a-f]+-200000-[0-9a-f]+-[0-9a-f]+"$/);
  await expect.poll(() => entityTagAt(server, '/new.img')).toBe(entityTagOf(content));
  const answer = await server.get('/new.img', { range: 'bytes=1000-', 'if-range': statTag ?? '' });
  // To who goes on by a tag, another one means another file.
  expect([answer.status, answer.headers.etag]).toEqual([206, statTag]);
  expect(answer.body.equals(content.subarray(1000))).toBe(true);
  const atEnd = await server.get('/new.img', {
    range: `bytes=${content.length}-`,
    'if-range': statTag ?? '',
  });
  expect([atEnd.status, atEnd.headers.etag]).toEqual([416, statTag]);
  expect((await server.get('/new.img', { 'if-match': statTag ?? '' })).status).toBe(200);
});
