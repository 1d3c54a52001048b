// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { CompressionError } from '@local-datastore/shared/compression/compression-error';
import {
  COMPRESSION_MAGIC_BYTES,
  compressionOf,
  isUnpacked,
} from '@local-datastore/shared/compression/compression-of';
import { unpack } from '@local-datastore/shared/compression/unpack';
import type { Platform } from '@local-datastore/shared/oci/descriptor';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { abortable } from './abortable.ts';
import { type Budget, createBudget, UNPACK_LIMITS } from './budget.ts';
import { findImage } from './find-image.ts';
import type { FoundImage } from './found-image.ts';
import { type ImageConfig, readImageConfig, requireRunnable } from './image-config.ts';
import { cutOff, damaged, ImageStreamError } from './image-stream-error.ts';
import { createInventory } from './inventory.ts';
import { ourDocuments } from './our-documents.ts';
import { createScratch, takeFile } from './take-entry.ts';
import { readTarEntries } from './tar-entries.ts';

export interface WantedImage {
  /** How it is to be called: known once its config is. Asked when all is right, before the engine can know of it. */
  readonly tagsFor: (image: CheckedImage) => readonly string[] | Promise<readonly string[]>;
  /** What it must run on. */
  readonly platform: Platform;
  /** Of the archive, unpacked, and of its layers, unpacked, each. */
  readonly maxBytes: number;
  /** What the engine has room for; undefined: nobody knows. */
  readonly freeBytes?: number | undefined;
  /** By their diff IDs those layers that the engine has already. */
  readonly knownLayers?: ReadonlySet<string> | undefined;
  /** Whether the engine reads layers that are compressed with zstd (from Docker 23 on). */
  readonly takesZstdLayers: boolean;
  /** Is told when one more that may be a layer has been handed on, whole. */
  readonly onLayer?: (() => void) | undefined;
  readonly signal: AbortSignal;
}

/** An image of which all content has the digests that it must have. */
export interface CheckedImage {
  readonly configDigest: OciDigest;
  /** Of the manifest that came with it; undefined: it came with none that engines can use. */
  readonly manifestDigest: OciDigest | undefined;
  /** Of its layers, the lowest first: `sha256:…`. */
  readonly diffIds: readonly string[];
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** Of its layers as they came. */
  readonly sizeBytes: number;
}

export interface CheckedStream {
  /**
   * What the engine is to get. It comes to its end, with what names the image, only when all is right.
   *
   * @throws ImageStreamError; whatever the source throws; the signal's reason
   */
  readonly archive: AsyncGenerator<Uint8Array>;
  /** Settles while the archive is read; rejects with what that throws. */
  readonly image: Promise<CheckedImage>;
}

/** What the other end of a pipe throws away unread would be lost to errors: nobody need look at it. */
const ignore = () => undefined;

/** Reads the first bytes, and gives all of them back. */
async function peek(content: AsyncGenerator<Uint8Array>, length: number) {
  const seen: Uint8Array[] = [];
  let seenBytes = 0;
  while (seenBytes < length) {
    const next = await content.next();
    if (next.done) break;
    seen.push(next.value);
    seenBytes += next.value.length;
  }
  async function* all() {
    yield* seen;
    yield* content;
  }
  return { head: Buffer.concat(seen).subarray(0, length), all: all() };
}

function asStreamError(error: unknown): unknown {
  if (!(error instanceof CompressionError)) return error;
  switch (error.code) {
    case 'CUT_OFF':
      return cutOff();
    case 'DAMAGED':
      return damaged('what it is compressed with is', error);
    case 'TRAILING':
      return damaged('something else follows its end', error);
    case 'WINDOW_TOO_LARGE':
      return new ImageStreamError(
        'ARCHIVE_TOO_LARGE',
        'The archive takes too much memory to unpack: compress it without --long and --ultra.',
        { cause: error },
      );
  }
}

/** The tar, whatever it is compressed with, as far as that is taken. */
async function* tarOf(content: AsyncGenerator<Uint8Array>, budget: Budget): AsyncGenerator<Uint8Array> {
  const { head, all } = await peek(content, COMPRESSION_MAGIC_BYTES);
  const compression = compressionOf(head);
  if (compression !== undefined && !isUnpacked(compression)) {
    throw new ImageStreamError(
      'ARCHIVE_ENCODING',
      `The archive is compressed with ${compression}: compress it with gzip or zstd, or not at all.`,
    );
  }
  try {
    for await (const piece of compression === undefined ? all : unpack(all, compression, UNPACK_LIMITS)) {
      budget.addArchived(piece.length);
      yield piece;
    }
  } catch (error) {
    throw asStreamError(error);
  }
}

/** @throws ImageStreamError where the layers are not those of the config */
function judge(found: FoundImage, { platform, takesZstdLayers }: WantedImage): CheckedImage {
  const { config, configDigest, layers, manifest } = found;
  const read = readImageConfig(config);
  requireRunnable(read.platform, platform);
  const { diffIds } = read;
  if (layers.length !== diffIds.length) {
    throw new ImageStreamError(
      'LAYER_COUNT',
      `The config of the image names ${diffIds.length} layers, and the archive ${layers.length}.`,
    );
  }
  for (const [i, layer] of layers.entries()) {
    const expected = diffIds[i];
    if (layer.diffId === undefined) {
      throw new ImageStreamError(
        'LAYER_DAMAGED',
        `Layer ${i + 1} of the image cannot be unpacked: ${layer.problem}.`,
      );
    }
    if (layer.diffId !== expected) {
      throw new ImageStreamError(
        'LAYER_DAMAGED',
        `Layer ${i + 1} of the image has the digest ${layer.diffId}, not ${expected}.`,
      );
    }
    if (layer.compression === 'zstd' && !takesZstdLayers) {
      throw new ImageStreamError(
        'ARCHIVE_ENCODING',
        'The engine is too old for layers that are compressed with zstd: save the image without, or use Docker 23 or newer.',
      );
    }
  }
  return {
    configDigest,
    manifestDigest: manifest?.descriptor.digest,
    diffIds,
    platform: read.platform,
    config: read.config,
    sizeBytes: layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/**
 * Names for what is handed on, which no other archive has: an engine whose store is containerd's goes on with what it
 * holds of a name, be it of an image that was broken off, and waits while another load brings one of that name.
 */
function nameEntries(): (index: number) => string {
  const archive = randomBytes(8).toString('hex');
  return (index) => `layer-${archive}-${index}.tar`;
}

/**
 * Checks an archive of an image while it streams through: `docker save` of all versions since 1.10, skopeo, podman,
 * buildah, kaniko, image layouts; plain, gzip or zstd. What leads the engine to make an image of it, its names above
 * all, is held back: the engine gets layers, and in the end documents of ours.
 *
 * @param source whatever came, compressed or not
 */
export function checkImageStream(source: AsyncIterable<Uint8Array>, wanted: WantedImage): CheckedStream {
  const verdict = Promise.withResolvers<CheckedImage>();
  verdict.promise.catch(ignore);
  const { signal } = wanted;

  async function* pass(): AsyncGenerator<Uint8Array> {
    const budget = createBudget(wanted);
    const { knownLayers = new Set() } = wanted;
    const inventory = createInventory();
    const ourName = nameEntries();
    const deps = { budget, knownLayers, scratch: createScratch() };
    let files = 0;
    for await (const entry of readTarEntries(tarOf(abortable(source, signal), budget))) {
      if (entry.kind === 'link') inventory.addLink(entry.name, entry.target);
      if (entry.kind !== 'file') continue;
      files += 1;
      const seen = yield* takeFile(entry, ourName(files), deps);
      inventory.addFile(entry.name, seen);
      if (seen.kind === 'layer') wanted.onLayer?.();
    }
    const found = findImage(inventory, wanted.platform);
    const image = judge(found, wanted);
    const tags = await wanted.tagsFor(image);
    signal.throwIfAborted();
    verdict.resolve(image);
    yield ourDocuments(found, tags);
  }

  async function* archive(): AsyncGenerator<Uint8Array> {
    try {
      yield* pass();
    } catch (error) {
      verdict.reject(error);
      throw error;
    } finally {
      // Of no effect where it is settled.
      verdict.reject(new Error('the archive was not read to its end'));
    }
  }
  return { archive: archive(), image: verdict.promise };
}

/** The tag of a deployment's image: by its config, so that it is never that of another. */
export const imageTag = (repository: string, { configDigest }: Pick<CheckedImage, 'configDigest'>): string =>
  `${repository}:${configDigest.hex.slice(0, 12)}`;
