// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { formatDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { beforeEach, expect, it } from 'vitest';
import type { Referrer, StoredManifest } from '../blobs/registry-store.ts';
import { createReach } from './image-reach.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

const digestOf = (text: string | Buffer) => {
  const digest = parseOciDigest(`sha256:${createHash('sha256').update(text).digest('hex')}`);
  if (digest === undefined) throw new Error('unreachable');
  return digest;
};
const nameOf = (text: string | Buffer) => formatDigest(digestOf(text));
const descriptor = (text: string | Buffer, mediaType = 'application/octet-stream') => ({
  ...{ mediaType, digest: nameOf(text), size: text.length },
});

let manifests: Map<string, StoredManifest>;
let tags: Map<string, string>;
let referrers: Map<string, Referrer[]>;
function put(mediaType: string, fields: object, tag?: string): Buffer {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  manifests.set(nameOf(bytes), { digest: digestOf(bytes), mediaType, bytes });
  if (tag !== undefined) tags.set(tag, nameOf(bytes));
  return bytes;
}
const image = (name: string, tag?: string) =>
  put(MANIFEST, { config: descriptor(`${name} config`), layers: [descriptor(`${name} layer`)] }, tag);
const reaches = (references: string[], digest: string) =>
  createReach({
    readManifest: async (_, reference) =>
      manifests.get('tag' in reference ? (tags.get(reference.tag) ?? '') : formatDigest(reference.digest)),
    listReferrers: async (_, digest) => referrers.get(formatDigest(digest)) ?? [],
  })('lab/app', references, digest);

beforeEach(() => {
  manifests = new Map();
  tags = new Map();
  referrers = new Map();
});

it('an image is made of its manifest, its config and its layers', async () => {
  const bytes = image('three', '3');
  image('four', '4');
  const names = [nameOf(bytes), nameOf('three config'), nameOf('three layer')];
  for (const references of [['3'], [nameOf(bytes)], ['absent', '3']]) {
    for (const name of names) expect(await reaches(references, name)).toBe(true);
    for (const name of ['four config', 'four layer'])
      expect(await reaches(references, nameOf(name))).toBe(false);
  }
  expect(await reaches([], nameOf(bytes))).toBe(false);
  expect(await reaches(['absent'], nameOf(bytes))).toBe(false);
});

it('an index is made of all below it, also of what is not here', async () => {
  const inner = put(INDEX, {
    manifests: [descriptor(image('arm'), MANIFEST), descriptor('absent', MANIFEST)],
  });
  put(INDEX, { manifests: [descriptor(inner, INDEX), descriptor(image('amd'), MANIFEST)] }, 'all');
  for (const text of [inner, 'arm layer', 'amd config', 'absent'])
    expect(await reaches(['all'], nameOf(text))).toBe(true);
  expect(await reaches(['all'], nameOf('other'))).toBe(false);
});

it('what is attached to an image belongs to it', async () => {
  const bytes = image('app', '1');
  const signature = image('signature');
  const attached = {
    digest: digestOf(signature),
    sizeBytes: 1,
    mediaType: MANIFEST,
    artifactType: undefined,
  };
  referrers.set(nameOf(bytes), [attached]);
  expect(await reaches(['1'], nameOf('signature layer'))).toBe(true);
});

it('a circle ends', async () => {
  const bytes = image('app', '1');
  const attached = { digest: digestOf(bytes), sizeBytes: 1, mediaType: MANIFEST, artifactType: undefined };
  referrers.set(nameOf(bytes), [attached]);
  expect(await reaches(['1'], nameOf('other'))).toBe(false);
});
