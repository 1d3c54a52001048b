// SPDX-License-Identifier: Apache-2.0
import { formatDigest } from '@local-datastore/shared/oci/digest';
import {
  blobPath,
  INDEX_FILE,
  imageIndexText,
  LAYOUT_FILE,
  LAYOUT_TEXT,
} from '@local-datastore/shared/oci/image-archive';
import { SAVED_FILE } from '@local-datastore/shared/oci/saved-entries';
import { type TarFile, tarParts } from '@local-datastore/shared/oci/tar-parts';
import type { FoundImage } from './found-image.ts';

const HUB = 'docker.io';

/** A name as engines keep it: those without a host are Docker Hub's (distribution/reference, "familiar names"). */
export function fullName(tag: string): string {
  const [first = '', ...rest] = tag.split('/');
  if (rest.length === 0) return `${HUB}/library/${tag}`;
  return /[.:]/.test(first) || first === 'localhost' ? tag : `${HUB}/${tag}`;
}

/**
 * The end of the archive for the engine: the config, and documents of ours that name what was handed on. With them it
 * can make an image of it, and not before. An image that came with a manifest is described as a layout too, so that an
 * engine whose store is containerd's keeps that manifest, whose digest is its id there.
 *
 * @param tags such as `ed_web:5887…`
 */
export function ourDocuments(
  { config, configDigest, layers, manifest }: FoundImage,
  tags: readonly string[],
): Buffer {
  const file = (name: string, bytes: Buffer): TarFile => ({ name, content: { kind: 'bytes', bytes } });
  const text = (name: string, content: string) => file(name, Buffer.from(content));
  const saved = [
    { Config: blobPath(configDigest), RepoTags: tags, Layers: layers.map(({ ourName }) => ourName) },
  ];
  const layout =
    manifest === undefined
      ? []
      : [
          file(blobPath(manifest.descriptor.digest), manifest.bytes),
          text(INDEX_FILE, imageIndexText(withoutNames(manifest.descriptor), tags.map(fullName))),
          text(LAYOUT_FILE, LAYOUT_TEXT),
        ];
  const parts = tarParts([
    file(blobPath(configDigest), config),
    ...layout,
    text(SAVED_FILE, JSON.stringify(saved)),
  ]);
  return Buffer.concat(parts.map((part) => (part.kind === 'bytes' ? part.bytes : unexpected(part.digest))));
}

const withoutNames = ({
  mediaType,
  digest,
  sizeBytes,
}: NonNullable<FoundImage['manifest']>['descriptor']) => ({
  mediaType,
  digest,
  sizeBytes,
});

function unexpected(digest: Parameters<typeof formatDigest>[0]): never {
  throw new Error(`${formatDigest(digest)} stands elsewhere`);
}
