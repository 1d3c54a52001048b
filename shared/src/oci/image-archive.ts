// SPDX-License-Identifier: Apache-2.0
import { type Descriptor, descriptorDocument } from './descriptor.ts';
import { formatDigest, type OciDigest } from './digest.ts';
import { type ManifestLinks, parseManifest } from './manifest.ts';
import { isImageConfig, isNondistributable, OCI_INDEX } from './media-types.ts';
import type { TarFile } from './tar-parts.ts';

/** A manifest as it is stored. */
export interface ManifestDocument {
  readonly digest: OciDigest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** An image on its way into an archive. */
export interface ImageToArchive {
  /** Of an image, an index or an artifact. */
  readonly manifest: ManifestDocument;
  /** What an index leads to, as far as it is here. */
  readonly children: readonly ManifestDocument[];
  /** With host and tag, such as `lab.local/app:1`; none: it is found by its digest alone. */
  readonly names: readonly string[];
}

/** By these others find an image: the specification's annotation may be a tag alone, containerd's is the whole name. */
export const REF_NAME = 'org.opencontainers.image.ref.name';
export const FULL_NAME = 'io.containerd.image.name';

export const LAYOUT_FILE = 'oci-layout';
export const LAYOUT_TEXT = '{"imageLayoutVersion":"1.0.0"}';
export const INDEX_FILE = 'index.json';
const DOCKER_FILE = 'manifest.json';

/** Where a layout has the content of a digest (image-spec, image-layout.md, "Blobs"). */
export const blobPath = ({ algorithm, hex }: OciDigest): string => `blobs/${algorithm}/${hex}`;

const tagOf = (name: string) => name.slice(name.lastIndexOf(':') + 1);

/** The entries by which an `index.json` names an image: one a name. */
export function indexEntries({ manifest, names }: ImageToArchive): object[] {
  const { digest, mediaType, bytes } = manifest;
  return namedEntries({ mediaType, digest, sizeBytes: bytes.length }, names);
}

function namedEntries(descriptor: Descriptor, names: readonly string[]): object[] {
  if (names.length === 0) return [descriptorDocument(descriptor)];
  return names.map((name) =>
    descriptorDocument({ ...descriptor, annotations: { [FULL_NAME]: name, [REF_NAME]: tagOf(name) } }),
  );
}

const indexText = (manifests: readonly object[]): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });

/** The `index.json` of a layout that holds one image. @param names with host and tag; none: it is found by its digest */
export const imageIndexText = (manifest: Descriptor, names: readonly string[]): string =>
  indexText(namedEntries(manifest, names));

/** Whether engines that know no layouts can load an image of this manifest, with all of its layers at hand. */
export const isDockerLoadable = ({ kind, config, layers }: ManifestLinks): boolean =>
  kind === 'manifest' &&
  config !== undefined &&
  isImageConfig(config.mediaType) &&
  !layers.some(({ mediaType }) => isNondistributable(mediaType));

/**
 * The files of an archive that holds images: an image layout, which containerd, podman, skopeo and k3s take, and, for
 * what engines without layouts can load, the `manifest.json` of `docker save`, as Docker 25 writes both. Blobs that
 * images share stand there once.
 *
 * @throws ManifestError for a manifest that is none
 */
export function imageArchive(images: readonly ImageToArchive[]): TarFile[] {
  const blobs = new Map<string, TarFile>();
  const saved: object[] = [];
  const addBlob = ({ digest, sizeBytes, mediaType }: Descriptor) => {
    if (isNondistributable(mediaType)) return;
    blobs.set(formatDigest(digest), {
      name: blobPath(digest),
      content: { kind: 'blob', digest, sizeBytes },
    });
  };
  const addManifest = ({ digest, mediaType, bytes }: ManifestDocument): ManifestLinks => {
    const links = parseManifest(bytes, mediaType);
    blobs.set(formatDigest(digest), { name: blobPath(digest), content: { kind: 'bytes', bytes } });
    for (const each of links.config === undefined ? links.layers : [links.config, ...links.layers])
      addBlob(each);
    return links;
  };
  for (const { manifest, children, names } of images) {
    const links = addManifest(manifest);
    for (const child of children) addManifest(child);
    if (!isDockerLoadable(links) || links.config === undefined) continue;
    saved.push({
      Config: blobPath(links.config.digest),
      RepoTags: names.length === 0 ? null : names,
      Layers: links.layers.map(({ digest }) => blobPath(digest)),
    });
  }
  const text = (name: string, content: string): TarFile => ({
    name,
    content: { kind: 'bytes', bytes: Buffer.from(content) },
  });
  return [
    text(LAYOUT_FILE, LAYOUT_TEXT),
    text(INDEX_FILE, indexText(images.flatMap(indexEntries))),
    ...(saved.length === 0 ? [] : [text(DOCKER_FILE, JSON.stringify(saved))]),
    ...blobs.values(),
  ];
}
