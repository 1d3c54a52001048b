// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { platformText } from '@local-datastore/shared/oci/platform';
import { expect, it } from 'vitest';
import { platformOfConfig, resolveImage } from './resolve-image.ts';
import { createScriptedRegistry, says } from './scripted-registry.ts';

const { signal } = new AbortController();
const AMD64 = { os: 'linux', architecture: 'amd64', variant: '' };
const sha256 = (bytes: Buffer): OciDigest => ({
  algorithm: 'sha256',
  hex: createHash('sha256').update(bytes).digest('hex'),
});

const NOT_FOUND = '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"nothing of this name"}]}';

/** What was put in is found by its digest, or by a tag. */
function createRegistry() {
  const contents = new Map<string, Buffer>();
  const put = (document: object) => {
    const bytes = Buffer.from(JSON.stringify(document));
    contents.set(formatDigest(sha256(bytes)), bytes);
    return { mediaType: OCI_MANIFEST, digest: formatDigest(sha256(bytes)), size: bytes.length };
  };
  const read: string[] = [];
  const { client } = createScriptedRegistry((request) => {
    const [, kind, name = ''] = /^GET \/v2\/a\/b\/(manifests|blobs)\/(\S+)/.exec(request) ?? [];
    if (kind === 'manifests') read.push(name);
    const bytes = contents.get(name);
    return bytes === undefined ? says('404 Not Found', '', NOT_FOUND) : says('200 OK', '', bytes);
  });
  return { contents, put, read, client };
}
type Registry = ReturnType<typeof createRegistry>;

const blob = (digit: string, size = 3) => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar',
  digest: `sha256:${digit.repeat(64)}`,
  size,
});
const image = (registry: Registry, config: object, layers = [blob('a'), blob('b'), blob('a')]) =>
  registry.put({ schemaVersion: 2, config: { ...registry.put(config), mediaType: OCI_CONFIG }, layers });
const index = (registry: Registry, manifests: object[]) => ({
  ...registry.put({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }),
  mediaType: OCI_INDEX,
});
const tag = (registry: Registry, name: string, { digest }: { digest: string }) =>
  registry.contents.set(name, registry.contents.get(digest) as Buffer);
const resolve = (registry: Registry, isExact = false, platform = AMD64) =>
  resolveImage(
    registry.client,
    { name: 'ds.local/a:1', tag: '1', digest: null },
    { platform, isExact },
    signal,
  );

it('finds the blobs of an image, each once', async () => {
  const registry = createRegistry();
  const manifest = image(registry, { os: 'linux', architecture: 'amd64' });
  tag(registry, '1', manifest);
  const resolved = await resolve(registry);
  expect(formatDigest(resolved.digest)).toBe(manifest.digest);
  expect(resolved.blobs.map(({ mediaType }) => mediaType.includes('config'))).toEqual([true, false, false]);
  expect(resolved.platform).toBeNull();
});

it('leaves out layers that a registry need not have', async () => {
  const registry = createRegistry();
  const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
  tag(registry, '1', image(registry, {}, [{ ...blob('a'), mediaType }, blob('b')]));
  expect((await resolve(registry)).blobs.map(({ digest }) => digest.hex[0])).toEqual([
    expect.anything(),
    'b',
  ]);
});

it('goes through indexes to the platform, and tells what the tag leads to', async () => {
  const registry = createRegistry();
  const [arm, amd] = [
    { architecture: 'arm64', os: 'linux' },
    { architecture: 'amd64', os: 'linux' },
  ];
  const wanted = image(registry, amd);
  const inner = index(registry, [
    { ...image(registry, arm), platform: arm },
    { ...wanted, platform: amd },
  ]);
  const outer = index(registry, [inner]);
  tag(registry, '1', outer);
  const resolved = await resolve(registry);
  expect([formatDigest(resolved.digest), formatDigest(resolved.manifest.digest)]).toEqual([
    ...[outer.digest, wanted.digest],
  ]);
  expect(resolved.platform).toEqual(amd);
  expect(registry.read).toEqual(['1', inner.digest, wanted.digest]);
});

it.each([
  [
    'an image of another one, asked for by name',
    true,
    { os: 'linux', architecture: 'arm64' },
    'there are: linux/arm64',
  ],
  ['an image of another one, otherwise', false, { os: 'linux', architecture: 'arm64' }, null],
  ['an artifact, which is of none', true, {}, null],
])('takes the platform of %s', async (_title, isExact, config, message) => {
  const registry = createRegistry();
  tag(registry, '1', image(registry, config));
  const resolving = resolve(registry, isExact);
  if (message === null) await expect(resolving).resolves.toMatchObject({ platform: null });
  else
    await expect(resolving).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
      message: expect.stringContaining(message),
    });
});

it('says what there is where nothing runs', async () => {
  const registry = createRegistry();
  const platform = { os: 'linux', architecture: 's390x' };
  tag(registry, '1', index(registry, [{ ...image(registry, {}), platform }]));
  await expect(resolve(registry)).rejects.toMatchObject({
    code: 'PLATFORM_NOT_FOUND',
    message: 'ds.local/a:1 has no image for linux/amd64; there are: linux/s390x (--platform)',
  });
});

it.each<[string, (registry: Registry) => { digest: string }, string]>([
  [
    'an index too deep',
    (registry) => {
      let deep = index(registry, [image(registry, {})]);
      for (let depth = 0; depth < 4; depth += 1) deep = index(registry, [deep]);
      return deep;
    },
    'more than 4 deep',
  ],
  [
    'a child of another size',
    (registry) => index(registry, [{ ...image(registry, {}), size: 7 }]),
    'bytes, not 7',
  ],
  ['a blob of two sizes', (registry) => image(registry, {}, [blob('a', 3), blob('a', 4)]), 'two sizes'],
  [
    'a digest that is not checked',
    (registry) => image(registry, {}, [{ ...blob('a'), digest: `md5:${'a'.repeat(32)}` }]),
    'must be "sha256:"',
  ],
])('refuses %s', async (_title, make, message) => {
  const registry = createRegistry();
  tag(registry, '1', make(registry));
  await expect(resolve(registry)).rejects.toMatchObject({
    code: 'MANIFEST_INVALID',
    message: expect.stringContaining(message),
  });
});

it('takes blobs by sha512', async () => {
  const registry = createRegistry();
  const digest = `sha512:${'a'.repeat(128)}`;
  tag(registry, '1', image(registry, {}, [{ ...blob('a'), digest }]));
  const { blobs } = await resolve(registry);
  expect(blobs.map((each) => formatDigest(each.digest))).toContain(digest);
});

it.each([
  ['{"os":"linux","architecture":"arm64","variant":"v8"}', 'linux/arm64/v8'],
  ['{"os":"linux","architecture":"amd64","rootfs":{}}', 'linux/amd64'],
  ['{"os":"linux"}', null],
  ['{"os":7,"architecture":"amd64"}', null],
  ['{}', null],
  ['a disk', null],
])('reads the platform of the configuration %s', (text, expected) => {
  const platform = platformOfConfig(Buffer.from(text));
  expect(platform && platformText(platform)).toBe(expected);
});
