// SPDX-License-Identifier: Apache-2.0
/** Pushing blobs, as the distribution specification has it ("Pushing blobs"): end-4 to end-6, end-11, 13 and 14. */
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_HEADERS,
} from '../lab/loopback-datastore.ts';
import {
  type Algorithm,
  type Content,
  createRepositoryClient,
  digestOf,
  type RepositoryClient,
  refusalOf,
  someBlob,
} from './registry-content.ts';

const ABSENT = `sha256:${'0'.repeat(64)}`;
let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;
let other: RepositoryClient;
beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'push/one');
  other = createRepositoryClient(datastore, 'push/other');
});
afterAll(() => place?.remove());

async function expectThere({ bytes, descriptor: { digest } }: Content, where = repository): Promise<void> {
  const got = await where.get(`blobs/${digest}`);
  expect([got.status, got.body.equals(bytes)]).toEqual([200, true]);
}
const patch = (location: string, body: Buffer, range?: string) =>
  datastore.request('PATCH', location, {
    body,
    headers: range === undefined ? {} : { 'content-range': range },
  });
const put = (location: string, digest: string, body?: Buffer, range?: string) =>
  datastore.request('PUT', `${location}?digest=${encodeURIComponent(digest)}`, {
    ...(body && { body }),
    headers: range === undefined ? {} : { 'content-range': range },
  });
const status = async (location: string) => {
  const { status: code, headers } = await datastore.request('GET', location);
  return [code, headers.range, headers.location];
};

describe.each<Algorithm>(['sha256', 'sha512'])('a blob named by %s', (algorithm) => {
  it('is pushed by POST and PUT', async () => {
    const blob = someBlob(5000, algorithm);
    const location = await repository.beginUpload(`?digest-algorithm=${algorithm}`);
    expect(location).toMatch(/^\/v2\/push\/one\/blobs\/uploads\/[\w-]{32,}$/);
    const answer = await put(location, blob.descriptor.digest, blob.bytes);
    expect([answer.status, answer.headers]).toMatchObject([
      201,
      {
        location: repository.at(`blobs/${blob.descriptor.digest}`),
        'docker-content-digest': blob.descriptor.digest,
      },
    ]);
    await expectThere(blob);
    expect(refusalOf(await datastore.request('GET', location))).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  });

  it('is pushed by one POST', async () => {
    const blob = someBlob(5000, algorithm);
    const path = repository.at(`blobs/uploads/?digest=${blob.descriptor.digest}`);
    const answer = await datastore.request('POST', path, { body: blob.bytes });
    expect([answer.status, answer.headers.location]).toEqual([
      201,
      repository.at(`blobs/${blob.descriptor.digest}`),
    ]);
    await expectThere(blob);
  });

  it('is pushed without having said the algorithm before', async () => {
    const blob = someBlob(5000, algorithm);
    const location = await repository.beginUpload();
    expect((await put(location, blob.descriptor.digest, blob.bytes)).status).toBe(201);
    await expectThere(blob);
  });

  it.each([
    ['the last chunk with PATCH', false],
    ['the last chunk with PUT', true],
  ])('is pushed in chunks, %s', async (_what, isLastWithPut) => {
    const blob = someBlob(3000, algorithm);
    let location = await repository.beginUpload(`?digest-algorithm=${algorithm}`);
    for (const start of [0, 1000, 2000]) {
      const chunk = blob.bytes.subarray(start, start + 1000);
      const range = `${start}-${start + 999}`;
      if (isLastWithPut && start === 2000) {
        expect((await put(location, blob.descriptor.digest, chunk, range)).status).toBe(201);
        break;
      }
      const answer = await patch(location, chunk, range);
      expect([answer.status, answer.headers.range]).toEqual([202, `0-${start + 999}`]);
      location = answer.headers.location ?? '';
      expect(await status(location)).toEqual([204, `0-${start + 999}`, location]);
    }
    if (!isLastWithPut) expect((await put(location, blob.descriptor.digest)).status).toBe(201);
    await expectThere(blob);
  });

  it('is refused under the digest of something else, and then it has to begin anew', async () => {
    const blob = someBlob(100, algorithm);
    const wrong = digestOf(Buffer.from('other'), algorithm);
    const location = await repository.beginUpload(`?digest-algorithm=${algorithm}`);
    expect(refusalOf(await put(location, wrong, blob.bytes))).toEqual([400, 'DIGEST_INVALID']);
    const single = repository.at(`blobs/uploads/?digest=${wrong}`);
    expect(refusalOf(await datastore.request('POST', single, { body: blob.bytes }))).toEqual([
      400,
      'DIGEST_INVALID',
    ]);
    expect((await repository.head(`blobs/${wrong}`)).status).toBe(404);
    expect((await repository.head(`blobs/${blob.descriptor.digest}`)).status).toBe(404);
  });

  it('is refused under the digest of something else in chunks, too, and as a stream', async () => {
    const blob = someBlob(2000, algorithm);
    const wrong = digestOf(Buffer.from('other'), algorithm);
    for (const ranges of [['0-999', '1000-1999'], [undefined]]) {
      const location = await repository.beginUpload(`?digest-algorithm=${algorithm}`);
      for (const range of ranges) {
        const [start, end] = range?.split('-').map(Number) ?? [0, 1999];
        expect((await patch(location, blob.bytes.subarray(start, Number(end) + 1), range)).status).toBe(202);
      }
      expect(refusalOf(await put(location, wrong))).toEqual([400, 'DIGEST_INVALID']);
      for (const digest of [wrong, blob.descriptor.digest])
        expect((await repository.head(`blobs/${digest}`)).status).toBe(404);
    }
  });

  it('may be empty', async () => {
    const digest = digestOf(Buffer.alloc(0), algorithm);
    const location = await repository.beginUpload(`?digest-algorithm=${algorithm}`);
    expect((await put(location, digest, Buffer.alloc(0))).status).toBe(201);
    const got = await repository.get(`blobs/${digest}`);
    expect([got.status, got.headers['content-length'], got.body.length]).toEqual([200, '0', 0]);
  });
});

it('takes a stream of unknown length, as Docker sends it', async () => {
  const blob = someBlob(200_000);
  const location = await repository.beginUpload();
  const headers = { ...WRITE_HEADERS, 'transfer-encoding': 'chunked' };
  const request = httpRequest({
    host: ADDRESS,
    port: datastore.port,
    path: location,
    method: 'PATCH',
    headers,
  });
  for (let start = 0; start < blob.bytes.length; start += 50_000)
    request.write(blob.bytes.subarray(start, start + 50_000));
  request.end();
  const [response] = await once(request, 'response');
  response.resume();
  expect([response.statusCode, response.headers.range]).toEqual([202, '0-199999']);
  expect((await put(location, blob.descriptor.digest)).status).toBe(201);
  await expectThere(blob);
});

// distribution-spec #590, aws/containers-roadmap #2831, regclient #961: chunks out of order are taken, and Range is wrong.
describe('chunks in the wrong place', () => {
  it.each([
    ['a gap', '2000-2999', 1000],
    ['an overlap', '500-1499', 1000],
    ['a repeat', '0-999', 1000],
  ])('%s is refused with where to go on, by PATCH and by PUT', async (_what, range, length) => {
    const blob = someBlob(3000);
    const location = await repository.beginUpload();
    await patch(location, blob.bytes.subarray(0, 1000), '0-999');
    for (const send of [
      patch,
      (...[at, body, where]: Parameters<typeof patch>) => put(at, blob.descriptor.digest, body, where),
    ]) {
      const answer = await send(location, blob.bytes.subarray(0, length), range);
      expect([refusalOf(answer), answer.headers.range, answer.headers.location]).toEqual([
        [416, 'BLOB_UPLOAD_INVALID'],
        '0-999',
        location,
      ]);
    }
    expect((await patch(location, blob.bytes.subarray(1000, 2000), '1000-1999')).status).toBe(202);
    expect((await put(location, blob.descriptor.digest, blob.bytes.subarray(2000))).status).toBe(201);
    await expectThere(blob);
  });

  it.each([
    ['the first not at the beginning', '1000-1999', [416, 'BLOB_UPLOAD_INVALID']],
    ['no range', 'bytes 0-999/1000', [400, 'BLOB_UPLOAD_INVALID']],
    ['an end before the beginning', '5-1', [400, 'BLOB_UPLOAD_INVALID']],
    ['longer than it is', '0-1999', [400, 'SIZE_INVALID']],
    ['shorter than it is', '0-9', [400, 'SIZE_INVALID']],
  ])('%s is refused', async (_what, range, expected) => {
    const location = await repository.beginUpload();
    expect(refusalOf(await patch(location, someBlob(1000).bytes, range))).toEqual(expected);
    expect((await status(location))[0]).toBe(204);
  });
});

// regclient #961: the range that is said is smaller than what has come, or stays where it was.
it('goes on where a connection was cut', async () => {
  const blob = someBlob(4_000_000);
  const location = await repository.beginUpload();
  const headers = { ...WRITE_HEADERS, 'content-length': blob.bytes.length };
  const request = httpRequest({
    host: ADDRESS,
    port: datastore.port,
    path: location,
    method: 'PATCH',
    headers,
  });
  request.on('error', () => {});
  request.write(blob.bytes.subarray(0, 3_000_000));
  // Whoever asks takes the upload over: what the other connection brings after that is not written.
  const file = join(place.root, '.incoming', `${location.split('/').at(-1)}.oci`);
  await expect.poll(async () => (await stat(file)).size).toBeGreaterThan(0);
  request.destroy();
  const received = Number(String((await status(location))[1]).slice(2)) + 1;
  expect(received).toBeGreaterThan(1);
  const range = `${received}-${blob.bytes.length - 1}`;
  expect((await patch(location, blob.bytes.subarray(received), range)).status).toBe(202);
  expect((await put(location, blob.descriptor.digest)).status).toBe(201);
  await expectThere(blob);
});

it('is cancelled, once', async () => {
  const location = await repository.beginUpload();
  await patch(location, someBlob().bytes);
  expect((await datastore.request('DELETE', location)).status).toBe(204);
  expect(refusalOf(await datastore.request('DELETE', location))).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  expect(refusalOf(await patch(location, someBlob().bytes))).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
});

it('is known in its own repository alone', async () => {
  const location = await repository.beginUpload();
  const elsewhere = location.replace('/push/one/', '/push/other/');
  for (const method of ['GET', 'PATCH', 'DELETE']) {
    expect(refusalOf(await datastore.request(method, elsewhere))).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  }
  expect((await status(location))[0]).toBe(204);
});

describe('a mount', () => {
  it('spares the sending, from the repository that is named or from any', async () => {
    for (const from of ['&from=push/one', '']) {
      const blob = someBlob();
      const { digest } = blob.descriptor;
      await repository.pushBlob(blob);
      const answer = await datastore.request('POST', other.at(`blobs/uploads/?mount=${digest}${from}`));
      expect([answer.status, answer.headers.location, answer.headers['docker-content-digest']]).toEqual([
        201,
        other.at(`blobs/${digest}`),
        digest,
      ]);
      await expectThere(blob, other);
    }
  });

  it.each([
    ['a blob that is nowhere', `mount=${ABSENT}&from=push/one`],
    ['a repository that is nowhere', `mount=${ABSENT}&from=no/such`],
    ['what is no repository', `mount=${ABSENT}&from=../x`],
    ['an empty name', `mount=${ABSENT}&from=`],
  ])('of %s begins an upload', async (_what, query) => {
    const blob = someBlob();
    const location = await other.beginUpload(`?${query}`);
    expect((await put(location, blob.descriptor.digest, blob.bytes)).status).toBe(201);
  });
});

it.each([
  ['POST', '?digest=sha256:abc', [400, 'DIGEST_INVALID']],
  ['POST', '?digest=', [400, 'DIGEST_INVALID']],
  ['POST', `?digest=md5:${'0'.repeat(32)}`, [400, 'DIGEST_INVALID']],
  ['POST', '?digest-algorithm=md5', [400, 'DIGEST_INVALID']],
  ['POST', '?mount=latest&from=push/one', [400, 'DIGEST_INVALID']],
])('%s %s is refused', async (method, query, expected) => {
  expect(refusalOf(await datastore.request(method, repository.at(`blobs/uploads/${query}`)))).toEqual(
    expected,
  );
});

it.each(['', 'sha256:abc', 'latest', `md5:${'0'.repeat(32)}`])(
  'closes no upload by the digest %j',
  async (digest) => {
    const location = await repository.beginUpload();
    expect(refusalOf(await put(location, digest, someBlob().bytes))).toEqual([400, 'DIGEST_INVALID']);
    expect((await status(location))[0]).toBe(204);
  },
);

it('needs the write token for everything', async () => {
  const location = await repository.beginUpload();
  for (const [method, path] of [
    ['POST', repository.at('blobs/uploads/')],
    ['PATCH', location],
    ['PUT', `${location}?digest=${ABSENT}`],
    ['GET', location],
    ['DELETE', location],
    ['PUT', repository.at('manifests/v1')],
    ['DELETE', repository.at('manifests/v1')],
  ] as const) {
    const body = method.startsWith('P') ? { body: 'x' } : {};
    const answer = await datastore.request(method, path, { withToken: false, ...body });
    expect([method, ...refusalOf(answer)]).toEqual([method, 401, 'UNAUTHORIZED']);
    expect(answer.headers['www-authenticate']).toBeDefined();
  }
  expect((await status(location))[0]).toBe(204);
});
