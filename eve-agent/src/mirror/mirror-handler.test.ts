// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CodedError } from '@local-datastore/shared/errors';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MirrorError } from './errors.ts';
import { createMirrorHandler } from './mirror-handler.ts';
import type { MirroredImages } from './mirrored-images.ts';

const HEX = '0123456789abcdef'.repeat(4);
const BLOB = Buffer.from('0123456789');
const MANIFEST = '/v2/ds.local/app/manifests/1';
const BLOB_PATH = `/v2/ds.local/app/blobs/sha256:${HEX}`;

let server: Server;
let failure: Error | null;
let isDamaged: boolean;
let tags: readonly string[];
let asOfMs: number | null;
let releases: number;
let lists: unknown[];
const failing = async <T>(value: T): Promise<T> => {
  if (failure !== null) throw failure;
  return value;
};
const images: MirroredImages = {
  readManifest: () =>
    failing({
      ...{ bytes: Buffer.from('{"a":1}'), digest: `sha256:${HEX}`, mediaType: 'application/x', asOfMs },
    }),
  openBlob: () =>
    failing({
      sizeBytes: BLOB.length,
      async *read(first: number, last: number) {
        if (isDamaged) {
          yield BLOB.subarray(0, 3);
          throw new Error('the sha256 is another one now');
        }
        yield BLOB.subarray(first, last + 1);
      },
      release: () => {
        releases += 1;
      },
    }),
  readList: (_name, kind, reference, query) => {
    lists.push([kind, reference, query]);
    return failing({ bytes: Buffer.from(JSON.stringify({ tags })), headers: { link: '</more>' } });
  },
};
const ask = (path: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, init);

beforeEach(async () => {
  failure = null;
  isDamaged = false;
  tags = ['1', '2'];
  asOfMs = null;
  releases = 0;
  lists = [];
  const deps = { images, log: silentLog, wallMs: () => 100_000 };
  const handle = createMirrorHandler(deps, (host) => host.startsWith('127.0.0.1'));
  server = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.close();
  server.closeAllConnections();
});

const coded = (code: string, details: Record<string, number> = {}) =>
  new CodedError(code, 'the cause in plain words', { details });

describe('what fails is refused', () => {
  it.each<[string, string, Error, number, string]>([
    ['an unknown image', MANIFEST, coded('IMAGE_NOT_FOUND'), 404, 'MANIFEST_UNKNOWN'],
    ['an unknown blob', BLOB_PATH, coded('HTTP_STATUS', { statusCode: 404 }), 404, 'BLOB_UNKNOWN'],
    ['a host that does not answer', MANIFEST, coded('DATASTORE_NOT_FOUND'), 404, 'NAME_UNKNOWN'],
    [
      'another registry',
      MANIFEST,
      new MirrorError('NOT_MIRRORED', 'the cause in plain words'),
      404,
      'NAME_UNKNOWN',
    ],
    ['an image for others', MANIFEST, coded('ACCESS_DENIED'), 403, 'DENIED'],
    ['wrong bytes', BLOB_PATH, coded('DIGEST_MISMATCH'), 502, 'UNKNOWN'],
    ['a full disk', BLOB_PATH, coded('NO_SPACE'), 507, 'UNKNOWN'],
    ['too much at a time', BLOB_PATH, coded('BUSY'), 429, 'TOOMANYREQUESTS'],
    ['a registry that fails', MANIFEST, coded('HTTP_STATUS', { statusCode: 503 }), 502, 'UNKNOWN'],
    ['what nobody foresaw', MANIFEST, new Error('the cause in plain words'), 502, 'UNKNOWN'],
  ])('%s', async (_what, path, error, status, code) => {
    failure = error;
    const response = await ask(path);
    expect(response.status).toBe(status);
    expect(response.headers.get('retry-after')).toBe(status === 429 ? '5' : null);
    expect(await response.json()).toEqual({ errors: [{ code, message: 'the cause in plain words' }] });
  });
});

it.each([
  [undefined, 200, '0123456789', null],
  ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
  ['bytes=8-', 206, '89', 'bytes 8-9/10'],
  ['bytes=10-', 416, '', 'bytes */10'],
])('gives %s of a blob', async (range, status, text, contentRange) => {
  const response = await ask(BLOB_PATH, range === undefined ? {} : { headers: { range } });
  expect([response.status, await response.text()]).toEqual([status, text]);
  expect(response.headers.get('content-range')).toBe(contentRange);
  expect(response.headers.get('docker-content-digest')).toBe(`sha256:${HEX}`);
  expect(releases).toBe(1);
});

it('never ends an answer with what turns out to be wrong', async () => {
  isDamaged = true;
  await expect(ask(BLOB_PATH).then((response) => response.text())).rejects.toThrow();
  expect(releases).toBe(1);
});

it('answers HEAD without a body, and leads from page to page of tags by its own path', async () => {
  const head = await ask(MANIFEST, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '7', '']);
  expect(head.headers.get('content-type')).toBe('application/x');
  const page = await ask('/v2/app/tags/list?ns=ds.local&n=2');
  expect(await page.json()).toEqual({ name: 'app', tags: ['1', '2'] });
  expect(page.headers.get('link')).toBe('</v2/app/tags/list?ns=ds.local&n=2&last=2>; rel="next"');
  tags = [];
  expect((await ask('/v2/ds.local/app/tags/list')).headers.get('link')).toBeNull();
  const referrers = await ask(`/v2/ds.local/app/referrers/sha256:${HEX}?artifactType=a&x=y`);
  expect([referrers.status, await referrers.json()]).toEqual([200, { tags: [] }]);
  expect(lists).toEqual([
    ['tags', 'list', { n: '2' }],
    ['tags', 'list', {}],
    ['referrers', `sha256:${HEX}`, { artifactType: 'a' }],
  ]);
});

it('says of a tag how old its answer is', async () => {
  expect((await ask(MANIFEST)).headers.has('age')).toBe(false);
  asOfMs = 40_000;
  const stale = await ask(MANIFEST);
  expect([stale.status, stale.headers.get('age')]).toEqual([200, '60']);
  expect(stale.headers.get('warning')).toContain('111');
});

it.each([
  ['Basic dTpw', 403],
  ['Bearer abc', 403],
  ['Basic Og==', 200],
])('does not pass over the credential "%s" silently', async (authorization, status) => {
  const response = await ask(MANIFEST, { headers: { authorization } });
  expect(response.status).toBe(status);
  if (status === 403) expect(await response.text()).toContain('--registry-auth');
});
