// SPDX-License-Identifier: Apache-2.0
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { formatDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { SAVED_FILE, type SavedEntry } from '@local-datastore/shared/oci/saved-entries';
import { shownName } from './entry-name.ts';
import type { FoundImage } from './found-image.ts';
import { ImageStreamError } from './image-stream-error.ts';
import type { Inventory, SeenFile, SeenLayer } from './inventory.ts';

/** A config by its digest: `<hex>.json` of `docker save`, `sha256:<hex>` of kaniko, `blobs/sha256/<hex>`. */
const CONFIG_NAME = /(?:^|\/|^sha256:)([0-9a-f]{64})(?:\.json)?$/;
/** A layer whose name tells the digest of what it is stored as. */
const BLOB_NAME = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/;

const safe = (name: string) => name.replace(/^(?:\.\/+)+/, '');

/** @throws ImageStreamError LAYER_MISSING */
function findFile(inventory: Inventory, name: string): SeenFile {
  const file = inventory.find(safe(name));
  if (file !== undefined) return file;
  throw new ImageStreamError(
    'LAYER_MISSING',
    `The ${SAVED_FILE} of the archive names ${shownName(name)}, which is not in it.`,
  );
}

function layerOf(inventory: Inventory, name: string): SeenLayer {
  const file = findFile(inventory, name);
  if (file.kind !== 'layer') throw noLayer(name, file);
  const [, algorithm, hex] = BLOB_NAME.exec(safe(name)) ?? [];
  if (
    algorithm !== undefined &&
    parseOciDigest(`${algorithm}:${hex}`) !== undefined &&
    file.storedHex !== hex
  ) {
    throw layerDamaged(`${algorithm}:${hex}`, file);
  }
  return file;
}

/** Of a name that must be a layer, and is not. */
export function noLayer(name: string, file: SeenFile): ImageStreamError {
  return new ImageStreamError(
    'LAYER_DAMAGED',
    `The layer ${shownName(name)} of the image is ${file.kind === 'other' ? file.what : 'no tar archive'}.`,
  );
}

export const layerDamaged = (expected: string, { storedHex }: SeenFile): ImageStreamError =>
  new ImageStreamError('LAYER_DAMAGED', `The layer ${expected} of the image has the digest ${storedHex}.`, {
    details: { expected },
  });

/** The config, whose digest is what its name says. @throws ImageStreamError CONFIG_DAMAGED */
function configOf(inventory: Inventory, name: string) {
  const file = findFile(inventory, name);
  if (file.kind !== 'document') {
    throw new ImageStreamError(
      'CONFIG_INVALID',
      `The config ${shownName(name)} of the image cannot be read.`,
    );
  }
  const configDigest = contentDigest(file.bytes);
  const said = CONFIG_NAME.exec(safe(name))?.[1];
  if (said !== undefined && said !== configDigest.hex) {
    throw new ImageStreamError(
      'CONFIG_DAMAGED',
      `The config ${shownName(name)} of the image has the digest ${formatDigest(configDigest)}.`,
    );
  }
  return { config: file.bytes, configDigest };
}

const contentOf = ({ Config, Layers }: SavedEntry) => JSON.stringify([Config, Layers ?? []]);

/** Finds the image that `docker save` tells of. @throws ImageStreamError */
export function findSavedImage(inventory: Inventory, entries: readonly SavedEntry[]): FoundImage {
  const [entry, ...others] = entries;
  if (entry === undefined) throw new Error('no entry');
  if (others.some((other) => contentOf(other) !== contentOf(entry))) {
    throw new ImageStreamError('SEVERAL_IMAGES', `The archive holds ${entries.length} images: send one.`);
  }
  const { Config, Layers } = entry;
  const { config, configDigest } = configOf(inventory, Config);
  const layers = (Layers ?? []).map((name) => layerOf(inventory, name));
  return { config, configDigest, layers, manifest: undefined };
}
