// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { blobPath } from '@local-datastore/shared/oci/image-archive';
import { tarParts, totalBytes } from '@local-datastore/shared/oci/tar-parts';
import type { BlobInfo } from '../blobs/registry-store.ts';

/** A blob in a chunk, or a piece of one. */
export interface PlannedMember {
  /** In the tar. */
  readonly name: string;
  /** Of the whole blob. */
  readonly digest: OciDigest;
  /** Where the piece begins in the blob. */
  readonly offset: number;
  readonly sizeBytes: number;
  readonly isPart: boolean;
}

export interface ChunkLimits {
  /** No chunk is larger; undefined: all is one chunk. */
  readonly chunkBytes: number | undefined;
  /** What the first chunk holds beside blobs, as members of a tar. */
  readonly firstBytes: number;
  /** What every other chunk does. */
  readonly otherBytes: number;
}

/** What every tar ends with. */
const END_BYTES = totalBytes(tarParts([]));
/** A piece of a blob is worth a member from here on. */
const MIN_PART_BYTES = 64 * 1024;
const BLOCK_BYTES = 512;

/** What a member takes in a tar. */
export function memberBytes(name: string, sizeBytes: number): number {
  const content = { kind: 'blob', digest: { algorithm: 'sha256', hex: '' }, sizeBytes } as const;
  return totalBytes(tarParts([{ name, content }])) - END_BYTES;
}

/** Pieces of a blob are named after it, so that nothing takes one for the blob. */
const partName = ({ hex }: OciDigest, index: number) => `datastore-parts/${hex}-${index}`;

interface OpenChunk {
  readonly members: PlannedMember[];
  freeBytes: number;
}

/**
 * Distributes blobs over chunks, in their order, each where there is room first; a blob that fits into none comes in
 * pieces. The same for the same blobs.
 *
 * @returns by chunk; undefined where a chunk holds too little
 */
export function planChunks(
  blobs: readonly BlobInfo[],
  { chunkBytes, firstBytes, otherBytes }: ChunkLimits,
): readonly (readonly PlannedMember[])[] | undefined {
  const limit = chunkBytes ?? Number.MAX_SAFE_INTEGER;
  const first: OpenChunk = { members: [], freeBytes: limit - END_BYTES - firstBytes };
  const emptyBytes = limit - END_BYTES - otherBytes;
  if (first.freeBytes < 0 || emptyBytes < MIN_PART_BYTES + memberBytes(partName(WIDEST, 99_999), 0)) {
    return undefined;
  }
  const chunks: OpenChunk[] = [first];
  const open = () => {
    const chunk: OpenChunk = { members: [], freeBytes: emptyBytes };
    chunks.push(chunk);
    return chunk;
  };
  const put = (chunk: OpenChunk, member: PlannedMember) => {
    chunk.members.push(member);
    chunk.freeBytes -= memberBytes(member.name, member.sizeBytes);
  };
  for (const { digest, sizeBytes } of blobs) {
    const name = blobPath(digest);
    const needed = memberBytes(name, sizeBytes);
    if (needed <= emptyBytes || chunkBytes === undefined) {
      const chunk = chunks.find(({ freeBytes }) => freeBytes >= needed) ?? open();
      put(chunk, { name, digest, offset: 0, sizeBytes, isPart: false });
      continue;
    }
    for (let offset = 0, index = 0; offset < sizeBytes; index += 1) {
      const part = partName(digest, index);
      const headerBytes = memberBytes(part, 0);
      const roomIn = ({ freeBytes }: OpenChunk) =>
        Math.floor((freeBytes - headerBytes) / BLOCK_BYTES) * BLOCK_BYTES;
      // The first chunk has the list with the digests of all pieces, which are known once they are written.
      const last = chunks.length > 1 ? chunks.at(-1) : undefined;
      const chunk = last !== undefined && roomIn(last) >= MIN_PART_BYTES ? last : open();
      const length = Math.min(roomIn(chunk), sizeBytes - offset);
      put(chunk, { name: part, digest, offset, sizeBytes: length, isPart: true });
      offset += length;
    }
  }
  return chunks.map(({ members }) => members);
}

/** The digest whose names are the longest. */
const WIDEST: OciDigest = { algorithm: 'sha512', hex: 'f'.repeat(128) };

/** Of the blobs of several images each once, in their order. */
export function eachOnce(blobs: Iterable<BlobInfo>): BlobInfo[] {
  return [...new Map([...blobs].map((blob) => [formatDigest(blob.digest), blob])).values()];
}
