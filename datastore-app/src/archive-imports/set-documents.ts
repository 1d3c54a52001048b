// SPDX-License-Identifier: Apache-2.0
import { descriptorDocument } from '@local-datastore/shared/oci/descriptor';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import {
  blobPath,
  INDEX_FILE,
  LAYOUT_FILE,
  LAYOUT_TEXT,
  type ManifestDocument,
  REF_NAME,
} from '@local-datastore/shared/oci/image-archive';
import { OCI_INDEX } from '@local-datastore/shared/oci/media-types';
import type { TarFile } from '@local-datastore/shared/oci/tar-parts';
import type { BlobInfo } from '../blobs/registry-store.ts';
import type { FoundImage } from './archive-image.ts';
import { CHUNK_FILE, type ChunkMark, type ImageSet, SET_FILE, type SetPart, setIdOf } from './image-set.ts';
import type { PlannedMember } from './plan-chunks.ts';

/** What a set of images is, apart from the chunks that it comes in. */
export interface SetContent {
  readonly images: readonly FoundImage[];
  readonly blobs: readonly BlobInfo[];
  readonly expected: readonly BlobInfo[];
}

const textFile = (name: string, text: string): TarFile => ({
  name,
  content: { kind: 'bytes', bytes: Buffer.from(text) },
});

/** The `index.json` that names images: those that others need by a digest in a tag among them. */
export function indexOfImages(images: readonly FoundImage[]): string {
  const entry = ({ mediaType, digest, bytes }: ManifestDocument, name: string | undefined) =>
    descriptorDocument({
      ...{ mediaType, digest, sizeBytes: bytes.length },
      ...(name !== undefined && { annotations: { [REF_NAME]: name } }),
    });
  const manifests = images.flatMap(({ root, names, attached }) => {
    const [repository] = names[0]?.split(':') ?? [];
    return [
      ...(names.length === 0 ? [entry(root, undefined)] : names.map((name) => entry(root, name))),
      ...[...attached].map(([tag, document]) =>
        entry(document, repository === undefined ? tag : `${repository}:${tag}`),
      ),
    ];
  });
  return JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
}

/** All manifests of images, each once, as the files of a layout. */
export function manifestFiles(images: readonly FoundImage[]): TarFile[] {
  const files = new Map<string, TarFile>();
  for (const { digest, bytes } of images.flatMap(({ root, others }) => [root, ...others])) {
    files.set(blobPath(digest), { name: blobPath(digest), content: { kind: 'bytes', bytes } });
  }
  return [...files.values()];
}

/** The same for the same content. */
export const setIdOfContent = ({ images, blobs, expected }: SetContent): string =>
  setIdOf(
    [indexOfImages(images), ...[...blobs, {}, ...expected].map((each) => JSON.stringify(each))].join('\n'),
  );

export const chunkMarkFile = (mark: ChunkMark): TarFile => textFile(CHUNK_FILE, `${JSON.stringify(mark)}\n`);

/** What the first chunk has before its blobs, beside its mark and the list. */
export const layoutFiles = (images: readonly FoundImage[]): TarFile[] => [
  textFile(LAYOUT_FILE, LAYOUT_TEXT),
  textFile(INDEX_FILE, indexOfImages(images)),
  ...manifestFiles(images),
];

/**
 * The list of a set.
 *
 * @param digestOfPart of each piece of a blob, by its name
 */
export function imageSetOf(
  { images, expected }: SetContent,
  set: string,
  chunks: readonly (readonly PlannedMember[])[],
  chunkBytes: readonly number[],
  digestOfPart: (name: string) => string,
): ImageSet {
  const blobs: SetPart[] = [];
  const split = new Map<string, { digest: string; sizeBytes: number; parts: SetPart[] }>();
  for (const [i, members] of chunks.entries()) {
    for (const { name, digest, sizeBytes, isPart } of members) {
      const key = formatDigest(digest);
      if (!isPart) {
        blobs.push({ chunk: i + 1, digest: key, sizeBytes });
        continue;
      }
      const known = split.get(key) ?? { digest: key, sizeBytes: 0, parts: [] };
      known.parts.push({ chunk: i + 1, digest: digestOfPart(name), sizeBytes });
      known.sizeBytes += sizeBytes;
      split.set(key, known);
    }
  }
  const elsewhere = expected.map(({ digest, sizeBytes }) => ({ digest: formatDigest(digest), sizeBytes }));
  const places = new Map([...blobs, ...split.values(), ...elsewhere].map(({ digest }, i) => [digest, i]));
  return {
    ...{ version: 1, set, of: chunks.length, chunkBytes: [...chunkBytes], blobs, expected: elsewhere },
    split: [...split.values()],
    images: images.map(({ root, names, blobs: needed }) => ({
      name: names[0] ?? formatDigest(root.digest),
      digest: formatDigest(root.digest),
      needs: [...needed.keys()].flatMap((key) => places.get(key) ?? []),
    })),
  };
}

/** The file of a list, as long as was planned for it. */
export const setFile = (list: ImageSet, sizeBytes: number): TarFile =>
  textFile(SET_FILE, JSON.stringify(list).padEnd(sizeBytes, ' '));

export const setText = (list: ImageSet): string => JSON.stringify(list);
