// SPDX-License-Identifier: Apache-2.0
/** Pulling, as the distribution specification has it ("Pull"): end-1, end-2 and end-3, black box. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import {
  createRepositoryClient,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  digestOf,
  indexOf,
  OCI_INDEX,
  OCI_MANIFEST,
  type RepositoryClient,
  refusalOf,
  someBlob,
  someImage,
} from './registry-content.ts';

const ABSENT = `sha256:${'0'.repeat(64)}`;
const image = someImage({ layers: [someBlob(300_000)] });
const dockerImage = someImage({ mediaType: DOCKER_MANIFEST });
const long = someImage({ algorithm: 'sha512' });
const index = indexOf([image, dockerImage]);
const list = indexOf([dockerImage], { mediaType: DOCKER_LIST });

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;
beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'project/group/name');
  await repository.pushImage(image, 'v1');
  await repository.pushImage(dockerImage, 'docker');
  await repository.pushImage(long);
  await repository.putManifest(index, 'index');
  await repository.putManifest(list, 'list');
});
afterAll(() => place?.remove());

it('says that it is there to whoever is known, and asks everybody else', async () => {
  for (const path of ['/v2/', '/v2']) {
    const answer = await datastore.request('GET', path);
    expect([answer.status, answer.headers['docker-distribution-api-version']]).toEqual([200, 'registry/2.0']);
  }
  const asked = await datastore.get('/v2/');
  expect(refusalOf(asked)).toEqual([401, 'UNAUTHORIZED']);
  expect(asked.headers['www-authenticate']).toMatch(/^Bearer realm="/);
});

describe('a manifest', () => {
  it.each([
    ['v1', image, OCI_MANIFEST],
    ['docker', dockerImage, DOCKER_MANIFEST],
    ['index', index, OCI_INDEX],
    ['list', list, DOCKER_LIST],
    ['by sha512', long, OCI_MANIFEST],
  ])('%s comes as it was pushed, by tag and by digest', async (tag, { bytes, descriptor }, mediaType) => {
    const references = tag.includes(' ') ? [descriptor.digest] : [tag, descriptor.digest];
    for (const reference of references) {
      const expected = {
        'content-type': mediaType,
        'content-length': String(bytes.length),
        'docker-content-digest': descriptor.digest,
      };
      const got = await repository.get(`manifests/${reference}`);
      expect([got.status, got.headers]).toMatchObject([200, expected]);
      expect(got.body.equals(bytes)).toBe(true);
      const head = await repository.head(`manifests/${reference}`);
      expect([head.status, head.headers, head.body.length]).toMatchObject([200, expected, 0]);
    }
  });

  // distribution #4385, #1755, hub-feedback #2410: by Accept it is not found, or is another one.
  it.each([
    ['nothing', undefined],
    ["Docker's alone", 'application/vnd.docker.distribution.manifest.v2+json'],
    ['schema 1 alone', 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
    ['a list', `${OCI_INDEX}, ${DOCKER_LIST};q=0.5`],
    ['what nobody knows', 'text/html'],
  ])('is the same for who accepts %s', async (_what, accept) => {
    for (const [tag, { bytes, descriptor }] of [
      ['v1', image],
      ['docker', dockerImage],
      ['index', index],
      ['list', list],
    ] as const) {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers, body } = await repository.get(
          `manifests/${tag}`,
          accept === undefined ? {} : { accept },
          method,
        );
        expect([tag, status, headers['content-type'], headers['docker-content-digest']]).toEqual([
          ...[tag, 200, descriptor.mediaType, descriptor.digest],
        ]);
        expect(body.equals(method === 'GET' ? bytes : Buffer.alloc(0))).toBe(true);
      }
    }
  });

  it('is not sent again to who has it', async () => {
    const { headers } = await repository.get('manifests/v1');
    const again = await repository.get('manifests/v1', { 'if-none-match': headers.etag ?? '' });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    const other = await repository.get('manifests/docker', { 'if-none-match': headers.etag ?? '' });
    expect(other.status).toBe(200);
  });

  it('is found by clients of mirrors, who say which registry they mean', async () => {
    expect((await repository.get('manifests/v1?ns=docker.io')).status).toBe(200);
    expect((await repository.get(`blobs/${image.blobs[0]?.descriptor.digest}?ns=docker.io`)).status).toBe(
      200,
    );
  });

  it.each([
    ['a tag that is not there', 'manifests/absent', [404, 'MANIFEST_UNKNOWN']],
    ['a digest that is not there', `manifests/${ABSENT}`, [404, 'MANIFEST_UNKNOWN']],
    ['the digest of a blob', `manifests/${image.blobs[1]?.descriptor.digest}`, [404, 'MANIFEST_UNKNOWN']],
    ['no tag', 'manifests/-x', [400, 'TAG_INVALID']],
    ['no digest', 'manifests/sha256:abc', [400, 'DIGEST_INVALID']],
  ])('%s: is refused', async (_what, path, expected) => {
    expect(refusalOf(await repository.get(path))).toEqual(expected);
    const head = await repository.head(path);
    expect([head.status, head.body.length]).toEqual([expected[0], 0]);
  });
});

describe('a blob', () => {
  const blob = image.blobs[1] ?? image;
  const { digest, size } = blob.descriptor;

  it('comes whole, and says what it is', async () => {
    const expected = {
      'content-length': String(size),
      'docker-content-digest': digest,
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
    };
    const got = await repository.get(`blobs/${digest}`);
    expect([got.status, got.headers]).toMatchObject([200, expected]);
    expect(digestOf(got.body)).toBe(digest);
    const head = await repository.head(`blobs/${digest}`);
    expect([head.status, head.headers, head.body.length]).toMatchObject([200, expected, 0]);
  });

  it.each([
    ['bytes=0-99', 0, 100],
    ['bytes=100-', 100, size],
    ['bytes=-100', size - 100, size],
    [`bytes=${size - 1}-`, size - 1, size],
    [`bytes=100-${size * 2}`, 100, size],
    [`bytes=-${size * 2}`, 0, size],
  ])('comes in part: %s', async (range, start, end) => {
    const answer = await repository.get(`blobs/${digest}`, { range });
    expect([answer.status, answer.headers['content-range']]).toEqual([
      206,
      `bytes ${start}-${end - 1}/${size}`,
    ]);
    expect(answer.body.equals(blob.bytes.subarray(start, end))).toBe(true);
  });

  it('refuses what lies behind its end, and obeys conditions', async () => {
    const behind = await repository.get(`blobs/${digest}`, { range: `bytes=${size}-` });
    expect([behind.status, behind.headers['content-range']]).toEqual([416, `bytes */${size}`]);
    refusalOf(behind);
    const etag = `"${digest}"`;
    expect((await repository.get(`blobs/${digest}`, { 'if-none-match': etag })).status).toBe(304);
    expect((await repository.get(`blobs/${digest}`, { 'if-match': '"other"' })).status).toBe(412);
    expect((await repository.get(`blobs/${digest}`, { range: 'bytes=0-1', 'if-range': etag })).status).toBe(
      206,
    );
    expect((await repository.get(`blobs/${digest}`, { range: 'bytes=0-1', 'if-range': '"x"' })).status).toBe(
      200,
    );
  });

  // RFC 9110 §14.2: what is no range may be left unregarded.
  it.each(['bytes=500-0', 'lines=1-2'])('comes whole for %s', async (range) => {
    const answer = await repository.get(`blobs/${digest}`, { range });
    expect([answer.status, answer.body.equals(blob.bytes)]).toEqual([200, true]);
  });

  it('is not there in another repository', async () => {
    const other = createRepositoryClient(datastore, 'project/other');
    expect(refusalOf(await other.get(`blobs/${digest}`))).toEqual([404, 'BLOB_UNKNOWN']);
    expect((await other.head(`blobs/${digest}`)).status).toBe(404);
    expect(refusalOf(await other.get(`manifests/${image.descriptor.digest}`))).toEqual([404, 'NAME_UNKNOWN']);
  });

  it.each([
    [`blobs/${ABSENT}`, [404, 'BLOB_UNKNOWN']],
    ['blobs/sha256:abc', [400, 'DIGEST_INVALID']],
    ['blobs/latest', [400, 'DIGEST_INVALID']],
    [`blobs/md5:${'0'.repeat(32)}`, [400, 'DIGEST_INVALID']],
  ])('%s is refused', async (path, expected) => {
    expect(refusalOf(await repository.get(path))).toEqual(expected);
  });
});

it.each([
  ['/v2/Project/manifests/v1', [400, 'NAME_INVALID']],
  ['/v2/a/../b/manifests/v1', [400, 'NAME_INVALID']],
  ['/v2/%2e%2e/manifests/v1', [400, 'NAME_INVALID']],
  [`/v2/${'a'.repeat(256)}/manifests/v1`, [400, 'NAME_INVALID']],
  ['/v2/manifests/v1', [400, 'NAME_INVALID']],
  ['/v2/nothing', [404, 'UNSUPPORTED']],
  ['/v2/a/b/c', [404, 'UNSUPPORTED']],
])('%s is refused', async (path, expected) => {
  expect(refusalOf(await datastore.request('GET', path))).toEqual(expected);
});

it.each([
  ['POST', '/v2/', 'GET'],
  ['PUT', '/v2/_catalog', 'GET'],
  ['POST', '/v2/a/tags/list', 'GET'],
  ['PUT', `/v2/a/blobs/${ABSENT}`, 'GET, HEAD, DELETE'],
  ['GET', '/v2/a/blobs/uploads/', 'POST'],
  ['POST', '/v2/a/manifests/v1', 'GET, HEAD, PUT, DELETE'],
  ['DELETE', `/v2/a/referrers/${ABSENT}`, 'GET'],
  ['OPTIONS', '/v2/', 'GET'],
])('%s %s is no method there', async (method, path, allow) => {
  const answer = await datastore.request(method, path);
  expect([refusalOf(answer), answer.headers.allow]).toEqual([[405, 'UNSUPPORTED'], allow]);
});

it('answers no page of another origin that wants to change something', async () => {
  const headers = { origin: 'http://evil.example' };
  const answer = await datastore.request('POST', '/v2/a/blobs/uploads/', { headers });
  expect(refusalOf(answer)).toEqual([403, 'DENIED']);
});
