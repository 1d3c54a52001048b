// SPDX-License-Identifier: Apache-2.0
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import type { Descriptor, Platform } from '@local-datastore/shared/oci/descriptor';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { blobPath } from '@local-datastore/shared/oci/image-archive';
import type { LayoutEntry } from '@local-datastore/shared/oci/layout-entries';
import { ManifestError, type ManifestLinks, parseManifest } from '@local-datastore/shared/oci/manifest';
import { isImageConfig, manifestKind } from '@local-datastore/shared/oci/media-types';
import {
  choosePlatform,
  isAttestation,
  listPlatforms,
  normalizePlatform,
  platformText,
} from '@local-datastore/shared/oci/platform';
import { isAmbiguous, parseDocument } from './document.ts';
import { layerDamaged, noLayer } from './find-saved-image.ts';
import type { FoundImage } from './found-image.ts';
import { ImageStreamError } from './image-stream-error.ts';
import type { Inventory, SeenLayer } from './inventory.ts';

/** An index of indexes is as deep as anybody goes. */
const MAX_DEPTH = 4;
const DECIDING = ['schemaVersion', 'mediaType', 'config', 'layers', 'manifests'];

export interface FoundLayoutImage {
  readonly image: FoundImage;
  /** Whether one of the images of the layout, for whatever platform, has this config. */
  hasConfig(hex: string): boolean;
}

interface Parsed {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly links: ManifestLinks;
}

const missing = (descriptor: Descriptor, what: string) =>
  new ImageStreamError(
    'LAYER_MISSING',
    `The ${what} ${formatDigest(descriptor.digest)} of the image is not in the archive.`,
  );

/** The bytes of a document, which have its digest. @throws ImageStreamError */
function documentOf(inventory: Inventory, descriptor: Descriptor, what: 'manifest' | 'config'): Buffer {
  const file = inventory.find(blobPath(descriptor.digest));
  if (file === undefined) throw missing(descriptor, what);
  const name = formatDigest(descriptor.digest);
  if (file.storedHex !== descriptor.digest.hex || file.sizeBytes !== descriptor.sizeBytes) {
    const code = what === 'config' ? 'CONFIG_DAMAGED' : 'MANIFEST_INVALID';
    throw new ImageStreamError(code, `The ${what} ${name} of the image has another digest or size.`);
  }
  if (file.kind === 'document') return file.bytes;
  const code = what === 'config' ? 'CONFIG_INVALID' : 'MANIFEST_INVALID';
  throw new ImageStreamError(code, `The ${what} ${name} of the image cannot be read.`);
}

/** @throws ImageStreamError MANIFEST_INVALID */
function parse(inventory: Inventory, descriptor: Descriptor): Parsed {
  const bytes = documentOf(inventory, descriptor, 'manifest');
  const invalid = (why: string, cause?: unknown) =>
    new ImageStreamError('MANIFEST_INVALID', `The manifest ${formatDigest(descriptor.digest)}: ${why}`, {
      cause,
    });
  const document = parseDocument(bytes);
  if (typeof document !== 'object' || document === null) throw invalid('it cannot be read.');
  if (isAmbiguous(document, DECIDING))
    throw invalid('one thing stands in capitals, another in small letters.');
  try {
    return { descriptor, bytes, links: parseManifest(bytes, descriptor.mediaType) };
  } catch (error) {
    if (error instanceof ManifestError) throw invalid(error.message, error);
    throw error;
  }
}

/** The manifests of the images that an index leads to, as far as they are in the archive. */
function* presentImages(inventory: Inventory, parsed: Parsed, depth: number): Generator<Parsed> {
  if (parsed.links.kind === 'manifest') {
    yield parsed;
    return;
  }
  if (depth > MAX_DEPTH)
    throw new ImageStreamError('MANIFEST_INVALID', 'The indexes of the archive are too deep.');
  for (const child of parsed.links.children) {
    if (isAttestation(child) || manifestKind(child.mediaType) === undefined) continue;
    if (inventory.find(blobPath(child.digest)) === undefined) continue;
    yield* presentImages(inventory, parse(inventory, child), depth + 1);
  }
}

/** @throws ImageStreamError PLATFORM_MISMATCH; LAYER_MISSING where it is not in the archive */
function chooseChild(inventory: Inventory, children: readonly Descriptor[], wanted: Platform): Descriptor {
  const platform = normalizePlatform(wanted);
  const isThere = ({ digest }: Descriptor) => inventory.find(blobPath(digest)) !== undefined;
  const found = choosePlatform(children.filter(isThere), platform, false);
  if (found !== undefined) return found;
  const absent = choosePlatform(children, platform, false);
  if (absent !== undefined) throw missing(absent, 'manifest');
  const there = listPlatforms(children);
  throw new ImageStreamError(
    'PLATFORM_MISMATCH',
    `The image is for ${there}, and this is ${platformText(wanted)}.`,
    { details: { platform: there, wanted: platformText(wanted) } },
  );
}

/** Several entries are one image where they are its platforms, or its names. @throws ImageStreamError SEVERAL_IMAGES */
function chooseEntry(inventory: Inventory, entries: readonly LayoutEntry[], wanted: Platform): Descriptor {
  const images = entries.filter(({ descriptor }) => !isAttestation(descriptor));
  const byDigest = new Map(images.map(({ descriptor }) => [formatDigest(descriptor.digest), descriptor]));
  const [first, ...others] = byDigest.values();
  if (first === undefined) throw new ImageStreamError('NO_IMAGE', 'The archive holds no container image.');
  if (others.length === 0) return first;
  const names = new Set(images.map(({ name }) => name));
  const platforms = [...byDigest.values()].map(({ platform }) => platform && platformText(platform));
  if (names.size > 1 || platforms.includes(undefined) || new Set(platforms).size < platforms.length) {
    throw new ImageStreamError('SEVERAL_IMAGES', `The archive holds ${byDigest.size} images: send one.`);
  }
  return chooseChild(inventory, [...byDigest.values()], wanted);
}

function layerOf(inventory: Inventory, descriptor: Descriptor): SeenLayer {
  const file = inventory.find(blobPath(descriptor.digest));
  if (file === undefined) throw missing(descriptor, 'layer');
  const expected = formatDigest(descriptor.digest);
  if (file.storedHex !== descriptor.digest.hex || file.sizeBytes !== descriptor.sizeBytes) {
    throw layerDamaged(expected, file);
  }
  if (file.kind !== 'layer') throw noLayer(expected, file);
  return file;
}

/**
 * Whether the media types of layers say how they are compressed. Engines whose store is containerd's believe them, and
 * then cannot unpack the layer; without the manifest they look at the content.
 */
const isHonest = (descriptors: readonly Descriptor[], layers: readonly SeenLayer[]): boolean =>
  descriptors.every(({ mediaType }, i) => {
    const said = /[.+](gzip|zstd)$/.exec(mediaType)?.[1];
    return said === layers[i]?.compression;
  });

/** Finds the image of a layout that is for a platform. @throws ImageStreamError */
export function findLayoutImage(
  inventory: Inventory,
  entries: readonly LayoutEntry[],
  wanted: Platform,
): FoundLayoutImage {
  let chosen = parse(inventory, chooseEntry(inventory, entries, wanted));
  for (let depth = 1; chosen.links.kind === 'index'; depth += 1) {
    if (depth > MAX_DEPTH)
      throw new ImageStreamError('MANIFEST_INVALID', 'The indexes of the archive are too deep.');
    chosen = parse(inventory, chooseChild(inventory, chosen.links.children, wanted));
  }
  const { descriptor, bytes, links } = chosen;
  if (links.config === undefined || !isImageConfig(links.config.mediaType)) {
    throw new ImageStreamError('NO_IMAGE', 'The archive holds an artifact, not a container image.');
  }
  const config = documentOf(inventory, links.config, 'config');
  const layers = links.layers.map((layer) => layerOf(inventory, layer));
  return {
    image: {
      config,
      configDigest: contentDigest(config),
      layers,
      manifest: isHonest(links.layers, layers) ? { descriptor, bytes } : undefined,
    },
    hasConfig: (hex) =>
      links.config?.digest.hex === hex ||
      entries.some(({ descriptor: entry }) =>
        [...presentImages(inventory, parse(inventory, entry), 1)].some(
          (each) => each.links.config?.digest.hex === hex,
        ),
      ),
  };
}
