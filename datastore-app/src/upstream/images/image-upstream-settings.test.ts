// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readUpstreams } from '../upstream-settings.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-settings-'));
  for (const name of ['password', 's3.secret', 'ca.pem']) {
    await writeFile(join(folder, name), `content-of-${name}\n`);
  }
});
afterEach(() => rm(folder, { recursive: true }));

async function read(images: string) {
  const file = join(folder, 'upstreams.yaml');
  await writeFile(file, `version: 1\nimages:\n  - ${images}\n`);
  return readUpstreams(file).images;
}
const STORE = 'credentials: { accessKeyId: K, secretAccessKeyFile: s3.secret }';

it('reads a place on a web server, with files beside the settings', async () => {
  const [upstream] = await read(
    '{ prefix: hub/x, url: "https://store.example/images", list: deep/MySums, allow: ["linux/**", "*.iso"], ca: ca.pem, credentials: { user: u, passwordFile: password }, check: 1h, hosts: [Files.example:8443] }',
  );
  expect(upstream).toMatchObject({
    ...{ prefix: 'hub/x', checkMs: 3_600_000, ca: 'content-of-ca.pem\n' },
    name: 'hub/x (https://store.example/images/)',
    place: { kind: 'http', credential: { user: 'u', password: 'content-of-password' } },
    listing: { kind: 'checksums', path: 'deep/MySums' },
  });
  const allowed = ['linux/a/b.img', 'x.iso', 'linux', 'a/x.iso', 'linux.img', 'Linux/a'];
  expect(allowed.map((path) => upstream?.allows(path))).toEqual([true, true, false, false, false, false]);
  expect(upstream?.hosts).toEqual(new Set(['files.example:8443']));
});

it.each([
  [`{ url: "s3://images", ${STORE} }`, 'https://images.s3.us-east-1.amazonaws.com/', '', 'us-east-1'],
  [
    `{ url: "s3://images/a%20b", region: eu-west-1, ${STORE} }`,
    'https://images.s3.eu-west-1.amazonaws.com/',
    'a b/',
    'eu-west-1',
  ],
  [
    `{ url: "s3://images/edge/", endpoint: "http://minio:9000", ${STORE} }`,
    'http://minio:9000/images/',
    'edge/',
    'us-east-1',
  ],
  [
    `{ url: "s3://images", endpoint: "https://s3.example", pathStyle: false, ${STORE} }`,
    'https://images.s3.example/',
    '',
    'us-east-1',
  ],
])('reads a place in an object store: %s', async (text, base, keyPrefix, region) => {
  const [upstream] = await read(text);
  if (upstream?.place.kind !== 's3') throw new Error('no object store');
  const { place } = upstream;
  expect([place.base.href, place.keyPrefix, place.region]).toEqual([base, keyPrefix, region]);
  expect(place.credential).toEqual({
    ...{ accessKeyId: 'K', secretAccessKey: 'content-of-s3.secret', sessionToken: undefined },
  });
});

it('takes everything of what no more is said of than where it is', async () => {
  const [upstream] = await read('{ url: "http://ds-b.local" }');
  expect(upstream).toMatchObject({
    ...{ prefix: '', name: 'http://ds-b.local/', checkMs: 600_000, listing: { kind: 'auto' } },
  });
  expect(upstream?.allows('any/thing.img')).toBe(true);
});

it('reads a manifest of this machine', async () => {
  expect(await read('{ list: sub/external.yaml }')).toMatchObject([
    { place: { kind: 'file', file: join(folder, 'sub/external.yaml') }, name: 'external.yaml' },
  ]);
});

it.each([
  ['nothing', '{ }', 'list: without url a manifest'],
  ['a list without a place', '{ list: SHA256SUMS }', 'list: without url a manifest'],
  ['another scheme', '{ url: "ftp://a/" }', 'url: https://HOST/PATH/'],
  ['a query', '{ url: "https://a/?token=secret-in-url" }', 'url: https://HOST/PATH/'],
  ['a password in the URL', '{ url: "https://u:secret-in-url@a/" }', 'a password stands in credentials'],
  ['a path that is encoded wrongly', '{ url: "https://a/%zz" }', 'not percent-encoded correctly'],
  ['a bucket that is none', `{ url: "s3://x", ${STORE} }`, 'with the name of a bucket'],
  ['a port of a bucket', `{ url: "s3://images:9000", ${STORE} }`, 'with the name of a bucket'],
  ['an object store without a key', '{ url: "s3://images" }', 'credentials: accessKeyId'],
  [
    'a password for an object store',
    '{ url: "s3://images", credentials: { user: u, passwordFile: password } }',
    'credentials: accessKeyId',
  ],
  ['a key for a web server', `{ url: "https://a/", ${STORE} }`, 'credentials: user'],
  ['a region of a web server', '{ url: "https://a/", region: x }', 'region: only an object store'],
  [
    'an endpoint with a path',
    `{ url: "s3://images", endpoint: "https://a/b", ${STORE} }`,
    'endpoint: scheme, host',
  ],
  ['a folder that is none', '{ url: "https://a/", prefix: "../x" }', 'prefix: a folder of images'],
  ['the name of the registry', '{ url: "https://a/", prefix: v2 }', 'prefix: a folder of images'],
  ['a pattern that is none', '{ url: "https://a/", allow: ["a**"] }', '** stands between slashes'],
  ['too short a time', '{ url: "https://a/", check: 10ms }', 'check: a second at least'],
  ['a word of nobody', '{ url: "https://a/", foo: 1 }', 'foo'],
  ['no file of that name', '{ url: "https://a/", ca: none.pem }', 'images[0].ca '],
  [
    'no file of the secret',
    '{ url: "s3://images", credentials: { accessKeyId: K, secretAccessKeyFile: none } }',
    'images[0].credentials.secretAccessKeyFile',
  ],
])('refuses %s, and says so without a secret', async (_title, text, message) => {
  const failure = await read(text).catch((error: Error) => error);
  expect(String(failure)).toContain(message);
  expect(String(failure)).not.toContain('secret-in-url');
});
