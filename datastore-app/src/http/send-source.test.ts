// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { constants, fstatSync, openSync } from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ByteSource, byteSourceOf } from '../content/byte-source.ts';
import { standingOf, versionOf } from '../content/file-version.ts';
import { createSourceSender, extentOf, RefusedRead } from './send-source.ts';
import { createTransferMemory } from './transfer-memory.ts';

const TAG = '"sha256:abc"';
const CONTENT = randomBytes(3 * 1024 * 1024 + 17);

let folder: string;
let file: string;
let server: Server;
let closed: number;
let beforeSending: (() => Promise<void>) | undefined;
const failures: unknown[] = [];

/** The first 100 bytes from memory, the rest from a file in which it does not begin at the beginning. */
function openSource(): ByteSource {
  const fd = openSync(file, constants.O_RDONLY);
  const stat = fstatSync(fd, { bigint: true });
  const opened = { fd, place: file, version: versionOf(stat), standing: standingOf(stat) };
  const source = byteSourceOf([
    { kind: 'buffer', bytes: CONTENT.subarray(0, 100) },
    { kind: 'file', file: opened, offset: 5, length: CONTENT.length - 100 },
  ]);
  return {
    ...source,
    close() {
      closed += 1;
      source.close();
    },
  };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'send-source-'));
  file = join(folder, 'file');
  await writeFile(file, Buffer.concat([Buffer.from('12345'), CONTENT.subarray(100)]));
  closed = 0;
  failures.length = 0;
  beforeSending = undefined;
  const send = createSourceSender({ memory: createTransferMemory() });
  server = createServer((request, response) => {
    const source = openSource();
    void (beforeSending?.() ?? Promise.resolve()).then(() =>
      send(request, response, source, {
        name: 'blob',
        entityTag: TAG,
        contentType: 'application/x',
        onFailure(error) {
          failures.push(error);
          response.removeHeader('Content-Length');
          response.writeHead(error instanceof RefusedRead ? error.status : 503).end();
        },
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

async function ask(headers: Record<string, string> = {}, method = 'GET') {
  const { port } = server.address() as AddressInfo;
  return new Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }>((resolve, reject) => {
    const asking = httpRequest({ host: '127.0.0.1', port, method, headers, agent: false }, (answer) => {
      buffer(answer).then(
        (body) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }),
        reject,
      );
    });
    asking.once('error', reject);
    asking.end();
  });
}

const LAST = CONTENT.length - 1;
it.each<[string, Record<string, string>, number, [number, number] | undefined]>([
  ['nothing more', {}, 200, [0, LAST]],
  ['a small range', { range: 'bytes=90-109' }, 206, [90, 109]],
  ['a large range', { range: 'bytes=1-' }, 206, [1, LAST]],
  ['one that ends behind the end', { range: `bytes=5-${LAST + 9}` }, 206, [5, LAST]],
  ['the last bytes', { range: 'bytes=-7' }, 206, [LAST - 6, LAST]],
  ['more last bytes than there are', { range: `bytes=-${LAST + 9}` }, 206, [0, LAST]],
  ['no last byte', { range: 'bytes=-0' }, 416, undefined],
  ['what lies behind the end', { range: `bytes=${LAST + 1}-` }, 416, undefined],
  ['two ranges', { range: 'bytes=1-2,4-5' }, 200, [0, LAST]],
  ['a range of it', { range: 'bytes=1-2', 'if-range': TAG }, 206, [1, 2]],
  ['a range of another', { range: 'bytes=1-2', 'if-range': '"other"' }, 200, [0, LAST]],
  ['it alone', { 'if-match': TAG }, 200, [0, LAST]],
  ['another alone', { 'if-match': '"other"' }, 412, undefined],
  ['what is not known', { 'if-none-match': TAG }, 304, undefined],
  ['what is not weakly known', { 'if-none-match': `"x", W/${TAG}` }, 304, undefined],
  ['what is not known of any kind', { 'if-none-match': '*' }, 304, undefined],
  ['something else than another', { 'if-none-match': '"other"' }, 200, [0, LAST]],
])('is asked for %s', async (_what, headers, status, extent) => {
  const answer = await ask(headers);
  expect(answer.status).toBe(status);
  expect(answer.headers.etag).toBe(TAG);
  if (extent !== undefined) {
    const [start, end] = extent;
    expect(answer.body.equals(CONTENT.subarray(start, end + 1))).toBe(true);
    expect(answer.headers['content-length']).toBe(String(end - start + 1));
    expect(answer.headers['content-type']).toBe('application/x');
    expect(answer.headers['accept-ranges']).toBe('bytes');
  }
  if (status === 206) {
    expect(answer.headers['content-range']).toBe(`bytes ${extent?.join('-')}/${CONTENT.length}`);
  }
  if (status === 416) expect(answer.headers['content-range']).toBe(`bytes */${CONTENT.length}`);
  await expect.poll(() => closed).toBe(1);
});

it('says all but the bytes to HEAD', async () => {
  const { status, headers, body } = await ask({ range: 'bytes=1-2' }, 'HEAD');
  expect([status, headers['content-length'], body.length]).toEqual([200, String(CONTENT.length), 0]);
  expect(closed).toBe(1);
});

it.each([
  ['small', { range: 'bytes=200-210' }],
  ['large', {}],
] as const)('does not send a %s part of a file that was written to', async (_size, headers) => {
  beforeSending = () => appendFile(file, 'x');
  expect((await ask(headers)).status).toBe(503);
  expect(failures).toEqual([expect.objectContaining({ name: 'FileChangedError' })]);
  await expect.poll(() => closed).toBe(1);
});

it('has no range in nothing', () => {
  expect(extentOf('bytes=0-', 0)).toBeUndefined();
  expect(extentOf('bytes=-0', 0)).toBeUndefined();
});
