// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { expect, it } from 'vitest';
import type { RepositoryRecord } from '../blobs/repository-record.ts';
import { byteSourceOf } from '../content/byte-source.ts';
import { ownParser } from '../parsing/run-task.ts';
import { createDiskArtifacts } from './disk-artifacts.ts';

const digestOf = (bytes: Buffer): OciDigest => ({
  algorithm: 'sha256',
  hex: createHash('sha256').update(bytes).digest('hex'),
});
const DISK = Buffer.alloc(2048);
DISK.writeUInt16LE(0xaa55, 510);
const TEXT = Buffer.from('no disk at all\n'.repeat(100));

/** OCI image-spec, manifest.md: the config of an artifact that has none. */
const EMPTY = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: formatDigest(digestOf(Buffer.from('{}'))),
  size: 2,
};

/** A repository whose tags each lead to an artifact of one layer. */
function createScene(layers: Readonly<Record<string, Buffer>>) {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, Buffer>();
  const calls = { manifests: 0, blobs: 0 };
  const tags = new Map<string, { digest: string; at: string }>();
  const records = new Map<
    string,
    RepositoryRecord['manifests'] extends ReadonlyMap<string, infer V> ? V : never
  >();
  for (const [tag, bytes] of Object.entries(layers)) {
    const layer = {
      mediaType: 'application/x-disk',
      digest: formatDigest(digestOf(bytes)),
      size: bytes.length,
    };
    blobs.set(layer.digest, bytes);
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: EMPTY,
      layers: [layer],
      tag,
    });
    const digest = formatDigest(digestOf(Buffer.from(text)));
    manifests.set(digest, Buffer.from(text));
    const at = '2026-01-01T00:00:00Z';
    records.set(digest, {
      ...{ mediaType: OCI_MANIFEST, sizeBytes: text.length, at, children: [] },
      blobs: [{ digest: layer.digest, sizeBytes: bytes.length }],
    });
    tags.set(tag, { digest, at });
  }
  let record: RepositoryRecord = {
    ...{ name: 'lab/disks', created: '2026-01-01T00:00:00Z', tags, manifests: records, versions: [] },
  };
  const artifacts = createDiskArtifacts({
    parser: ownParser,
    stored: {
      listRepositories: async ({ isVisible }) => ({ names: ['lab/disks'].filter(isVisible), isMore: false }),
      async readManifest(_name, reference) {
        calls.manifests += 1;
        const digest = 'digest' in reference ? reference.digest : digestOf(Buffer.from(''));
        const bytes = manifests.get(formatDigest(digest));
        return bytes && { digest, mediaType: OCI_MANIFEST, bytes };
      },
      async openBlob(_name, digest) {
        calls.blobs += 1;
        const bytes = blobs.get(formatDigest(digest));
        return (
          bytes && { digest, sizeBytes: bytes.length, source: byteSourceOf([{ kind: 'buffer', bytes }]) }
        );
      },
    },
    find: (name) => (name === 'lab/disks' ? { record, origin: { kind: 'pushed' } } : undefined),
  });
  const list = async (hasTag: (tag: string) => boolean = () => true) =>
    (await artifacts.list({ sees: () => true, hasTag: (_name, tag) => hasTag(tag) })).map(({ tag }) => tag);
  return {
    ...{ blobs, calls, list, artifacts },
    untag(tag: string) {
      record = { ...record, tags: new Map([...record.tags].filter(([each]) => each !== tag)) };
    },
  };
}

it('lists the tags that lead to disks, as far as they may be seen', async () => {
  const { list, artifacts } = createScene({ b: DISK, a: DISK, text: TEXT });
  expect(await list()).toEqual(['a', 'b']);
  expect(await list((tag) => tag === 'b')).toEqual(['b']);
  expect(await artifacts.find('lab/disks', 'a')).toMatchObject({ sizeBytes: DISK.length, tag: 'a' });
  expect(await artifacts.find('lab/disks', 'text')).toBeUndefined();
  expect(await artifacts.find('lab/none', 'a')).toBeUndefined();
});

it('reads what it has looked at no more, also where the tags change', async () => {
  const { list, calls, untag } = createScene({ a: DISK, b: DISK, text: TEXT });
  await list();
  const once = { ...calls };
  expect(once).toEqual({ manifests: 3, blobs: 3 });
  await list();
  untag('a');
  expect(await list()).toEqual(['b']);
  expect(calls).toEqual(once);
});

it('shows a disk once its content has come, and reads its manifest once', async () => {
  const { list, calls, blobs } = createScene({ a: DISK });
  const kept = [...blobs];
  blobs.clear();
  expect(await list()).toEqual([]);
  expect(await list()).toEqual([]);
  for (const [digest, bytes] of kept) blobs.set(digest, bytes);
  expect(await list()).toEqual(['a']);
  expect(calls.manifests).toBe(1);
});
