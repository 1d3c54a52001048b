// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import {
  COMPRESSION_MAGIC_BYTES,
  compressionOf,
  isUnpacked,
} from '@local-datastore/shared/compression/compression-of';
import { isOciAlgorithm, type OciAlgorithm } from '@local-datastore/shared/oci/digest';
import { tarFileHeader, tarPadding } from '@local-datastore/shared/oci/tar-parts';
import { isTarHeader, TAR_BLOCK_BYTES } from '@local-datastore/shared/tar/tar-header';
import type { Budget } from './budget.ts';
import { MAX_DOCUMENT_BYTES, outlineOf } from './document.ts';
import type { SeenDocument, SeenLayer, SeenOther } from './inventory.ts';
import { createLayerDigests } from './layer-digests.ts';
import type { TarEntry } from './tar-entries.ts';

export interface TakeDeps {
  readonly budget: Budget;
  /** By their diff IDs those that the engine has: it stores them once. */
  readonly knownLayers: ReadonlySet<string>;
  readonly scratch: Scratch;
}

/** Memory that is used again and again. */
export interface Scratch {
  /** Valid until the next call. */
  lend(sizeBytes: number): Buffer;
}

export function createScratch(): Scratch {
  let memory: Buffer = Buffer.alloc(0);
  return {
    lend(sizeBytes) {
      if (memory.length < sizeBytes) memory = Buffer.allocUnsafeSlow(sizeBytes);
      return memory.subarray(0, sizeBytes);
    },
  };
}

type FileEntry = Extract<TarEntry, { readonly kind: 'file' }>;

/** A blob of a layout, by its digest. */
const BLOB = /^blobs\/([a-z0-9]+)\/[0-9a-f]+$/;
/** Members of which a document has one that matters here. */
const TELLING = ['rootfs', 'manifests', 'layers', 'imageLayoutVersion'];

/** undefined: it is no blob. */
function algorithmOf(name: string): OciAlgorithm | undefined {
  const algorithm = BLOB.exec(name)?.[1] ?? '';
  return isOciAlgorithm(algorithm) ? algorithm : undefined;
}

/** Whether content begins as a layer does: as a tar, which may be empty, or compressed as layers are. */
function mayBeLayer({ head, sizeBytes }: FileEntry): boolean {
  if (isUnpacked(compressionOf(head))) return true;
  if (head.length < TAR_BLOCK_BYTES || sizeBytes % TAR_BLOCK_BYTES !== 0) return false;
  return isTarHeader(head) || head.every((byte) => byte === 0);
}

const mayBeDocument = ({ head }: FileEntry): boolean =>
  /^\s*[{[]/.test(head.toString('latin1', 0, TAR_BLOCK_BYTES));

/** Whether a document says something of an image: without parsing it, since there may be thousands of them. */
function isWanted(bytes: Buffer): boolean {
  if (bytes.toString('latin1', 0, TAR_BLOCK_BYTES).trimStart().startsWith('[')) return true;
  const { keys } = outlineOf(bytes);
  return TELLING.some((key) => keys.has(key));
}

function whatElse({ head }: FileEntry): string {
  const compression = compressionOf(head.subarray(0, COMPRESSION_MAGIC_BYTES));
  return compression === undefined ? 'no tar archive' : `compressed with ${compression}, which is not taken`;
}

/** Reads content that is not handed on. */
async function takeOther(entry: FileEntry, what: string): Promise<SeenOther> {
  const hash = createHash(algorithmOf(entry.name) ?? 'sha256');
  for await (const piece of entry.content) hash.update(piece);
  return { kind: 'other', sizeBytes: entry.sizeBytes, storedHex: hash.digest('hex'), what };
}

/** @param scratch lends memory for what is most often not kept */
async function takeDocument(entry: FileEntry, scratch: Scratch): Promise<SeenDocument | SeenOther> {
  const { name, sizeBytes } = entry;
  if (sizeBytes > MAX_DOCUMENT_BYTES) return takeOther(entry, 'a document that is too large');
  const bytes = scratch.lend(sizeBytes);
  let filled = 0;
  for await (const piece of entry.content) {
    bytes.set(piece, filled);
    filled += piece.length;
  }
  const storedHex = createHash(algorithmOf(name) ?? 'sha256')
    .update(bytes)
    .digest('hex');
  return isWanted(bytes)
    ? { kind: 'document', sizeBytes, storedHex, bytes: Buffer.from(bytes) }
    : { kind: 'other', sizeBytes, storedHex, what: 'a document of something else' };
}

/**
 * Reads a file of the archive. What may be a layer is handed on as it comes, under a name of ours, since nobody knows yet
 * whether it is one: nothing names it until all is right.
 *
 * @param ourName what it is called if it is handed on
 * @returns what was seen
 * @throws ImageStreamError; whatever the content throws
 */
export async function* takeFile(
  entry: FileEntry,
  ourName: string,
  { budget, knownLayers, scratch }: TakeDeps,
): AsyncGenerator<Uint8Array, SeenLayer | SeenDocument | SeenOther> {
  if (mayBeDocument(entry)) return takeDocument(entry, scratch);
  if (!mayBeLayer(entry)) return takeOther(entry, whatElse(entry));
  const { name, head, sizeBytes, content } = entry;
  const found = compressionOf(head);
  const compression = isUnpacked(found) ? found : undefined;
  const digests = createLayerDigests({ stored: algorithmOf(name), compression, budget });
  try {
    budget.addStored(sizeBytes);
    yield tarFileHeader(ourName, sizeBytes);
    for await (const piece of content) {
      await digests.update(piece);
      yield piece;
    }
    yield tarPadding(sizeBytes);
    const digest = await digests.finish();
    if (digest.diffId !== undefined && !knownLayers.has(digest.diffId))
      budget.addStored(digest.unpackedBytes);
    return { kind: 'layer', sizeBytes, ourName, compression, ...digest };
  } finally {
    digests.stop();
  }
}
