// SPDX-License-Identifier: Apache-2.0
/** Container archives, made by hand for tests, and what a client would see of them. */
import { createHash } from 'node:crypto';
import { OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { type TestMember, tar } from '@local-datastore/shared/tar/testing/tar';
import { expect } from 'vitest';
import { type ArchiveView, algorithmOf, archiveView } from '../container/archive-view.ts';
import { readContainerArchive } from '../container/container-archive.ts';

export const hexOf = (bytes: Buffer | string, algorithm = 'sha256') =>
  createHash(algorithm).update(bytes).digest('hex');
export const digestOf = (bytes: Buffer | string) => `sha256:${hexOf(bytes)}`;

/** Reads an archive, and all of its parts. */
export async function viewOf(archive: Buffer): Promise<ArchiveView | undefined> {
  const readAt = async (offset: number, length: number) => archive.subarray(offset, offset + length);
  const read = await readContainerArchive(readAt, archive.length);
  return (
    read &&
    archiveView(read, (blob) =>
      hexOf(archive.subarray(blob.offset, blob.offset + blob.sizeBytes), algorithmOf(blob)),
    )
  );
}

/** What a client would see: tags with the documents and the contents behind them. */
export function summaryOf(archive: Buffer, view: ArchiveView | undefined) {
  return view?.images.map(({ names, digest }) => {
    const manifest = view.manifests.find((each) => each.digest.hex === digest.hex);
    expect(hexOf(manifest?.bytes ?? '', digest.algorithm)).toBe(digest.hex);
    const document = JSON.parse(String(manifest?.bytes));
    const contentOf = (wanted: string) => {
      const blob = view.blobs.find((each) => wanted === `${each.digest.algorithm}:${each.digest.hex}`);
      return blob && archive.subarray(blob.offset, blob.offset + blob.sizeBytes);
    };
    const layers = (document.layers ?? []).map(({ digest: layer }: { digest: string }) => contentOf(layer));
    return { names, mediaType: manifest?.mediaType, layers, config: contentOf(document.config?.digest) };
  });
}

export const LAYERS = [
  tar({ name: 'etc/a', content: 'one' }),
  tar({ name: 'etc/b', content: 'two' }),
] as const;
export const configOf = (...layers: readonly Buffer[]) =>
  Buffer.from(JSON.stringify({ os: 'linux', rootfs: { type: 'layers', diff_ids: layers.map(digestOf) } }));
export const CONFIG = configOf(...LAYERS);
export const CONFIG_NAME = `${hexOf(CONFIG)}.json`;
export const saved = (...images: readonly object[]): TestMember => ({
  name: 'manifest.json',
  content: JSON.stringify(images),
});
export const SAVED = { Config: CONFIG_NAME, RepoTags: ['lab/app:1'], Layers: ['a/layer.tar', 'b/layer.tar'] };
export const CONFIG_MEMBER = { name: CONFIG_NAME, content: CONFIG };

export const blob = (content: Buffer, algorithm = 'sha256'): TestMember => ({
  name: `blobs/${algorithm}/${hexOf(content, algorithm)}`,
  content,
});
export const descriptor = (content: Buffer, mediaType: string, more: object = {}) => ({
  ...{ mediaType, digest: digestOf(content), size: content.length },
  ...more,
});
export const json = (document: object) => Buffer.from(JSON.stringify(document));
export const LAYOUT: TestMember = { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' };
export const indexFile = (...manifests: readonly object[]): TestMember => ({
  name: 'index.json',
  content: json({ schemaVersion: 2, manifests }),
});
export const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
export const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';
export const MANIFEST = json({
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: descriptor(CONFIG, CONFIG_TYPE),
  layers: LAYERS.map((layer) => descriptor(layer, LAYER_TYPE)),
});
export const IMAGE_BLOBS = [MANIFEST, CONFIG, ...LAYERS].map((content) => blob(content));
