// SPDX-License-Identifier: Apache-2.0
import { type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { createForwardReader } from '@local-datastore/shared/tar/forward-reader';
import { TAR_BLOCK_BYTES } from '@local-datastore/shared/tar/tar-header';
import type { BlobInfo } from '../blobs/registry-store.ts';
import { MAX_MEMBERS } from '../formats/container/archive-members.ts';
import { tarMembers } from '../formats/tar-members.ts';
import { cutOffArchive, invalidArchive } from './archive-error.ts';

/** To ask takes longer than to send less. */
const LEAST_BYTES = 64 * 1024;
/** Manifests and configs, which an import has to read, are JSON; no layer begins so. */
const BRACE = 0x7b;
/** Headers that describe the next member, with what they hold, as far as any writer's go. */
const MAX_HEADER_BYTES = 256 * 1024;
const READ_BYTES = 256 * 1024;
const BLOB = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/;

/** The digest by which a layout calls a member that is a file. */
function digestOfName(name: string): OciDigest | undefined {
  const [, algorithm, hex] = BLOB.exec(name) ?? [];
  return algorithm === undefined ? undefined : parseOciDigest(`${algorithm}:${hex}`);
}

/**
 * Hands on an archive of images as it comes, without the layers that are known where it goes. What calls its layers by
 * other names than their digests, as `docker save` did before 25, is handed on whole.
 *
 * @param isKnown asked for each blob as it comes by; what is left out is read all the same
 * @throws ArchiveError where it ends in the middle; whatever `content` and `isKnown` throw
 */
export async function* withoutKnownBlobs(
  content: AsyncIterable<Uint8Array>,
  isKnown: (blob: BlobInfo) => Promise<boolean>,
): AsyncGenerator<Uint8Array> {
  const reader = createForwardReader(content, cutOffArchive);
  /** Read, and not handed on: it goes the way of the member that it describes. */
  let held: Buffer[] = [];
  let heldBytes = 0;
  let position = 0;
  const hold = async (length: number) => {
    const bytes = await reader.readAt(position, length);
    position += bytes.length;
    heldBytes += bytes.length;
    held.push(bytes);
    return bytes;
  };
  const readAt = async (offset: number, length: number) => {
    if (heldBytes + offset - position + length > MAX_HEADER_BYTES) {
      throw invalidArchive('A header in it is longer than any.');
    }
    if (offset > position) await hold(offset - position);
    return hold(length);
  };
  try {
    const members = tarMembers(readAt, Number.POSITIVE_INFINITY, MAX_MEMBERS);
    for (;;) {
      const next = await members.next();
      if (next.done) break;
      const { name, offset, sizeBytes, isFile } = next.value;
      const digest = isFile && sizeBytes >= LEAST_BYTES ? digestOfName(name) : undefined;
      if (digest !== undefined) await hold(1);
      const isDocument = held.at(-1)?.[0] === BRACE;
      const isLeftOut = digest !== undefined && !isDocument && (await isKnown({ digest, sizeBytes }));
      if (!isLeftOut) yield* held;
      [held, heldBytes] = [[], 0];
      for await (const piece of reader.content(position, offset + sizeBytes - position)) {
        position += piece.length;
        if (!isLeftOut) yield piece;
      }
      const filling = await reader.readAt(position, -sizeBytes & (TAR_BLOCK_BYTES - 1));
      position += filling.length;
      if (!isLeftOut) yield filling;
    }
    yield* held;
    for (;;) {
      const rest = await reader.readAt(position, READ_BYTES);
      if (rest.length === 0) break;
      position += rest.length;
      yield rest;
    }
  } finally {
    await reader.close();
  }
}
