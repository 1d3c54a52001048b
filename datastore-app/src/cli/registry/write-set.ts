// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { type TarContent, type TarFile, tarParts, totalBytes } from '@local-datastore/shared/oci/tar-parts';
import { type ImageSet, MAX_SET_BLOBS, SET_FILE } from '../../archive-imports/image-set.ts';
import { memberBytes, type PlannedMember, planChunks } from '../../archive-imports/plan-chunks.ts';
import {
  chunkMarkFile,
  imageSetOf,
  layoutFiles,
  setFile,
  setIdOfContent,
  setText,
} from '../../archive-imports/set-documents.ts';
import { removeFile } from '../../content/staging.ts';
import { AnswerError } from '../exit-code.ts';
import { writeWhole } from '../write-whole.ts';
import type { GatheredSet } from './gather-set.ts';

/** A chunk that was written. */
export interface WrittenChunk {
  readonly file: string;
  readonly sizeBytes: number;
}

/** As long as every digest of a piece is. */
const UNKNOWN_DIGEST = `sha256:${'0'.repeat(64)}`;
const MOST_CHUNKS = 9999;

const fileBytes = (files: readonly TarFile[]) =>
  files.reduce((sum, { name, content }) => {
    const sizeBytes = content.kind === 'bytes' ? content.bytes.length : content.sizeBytes;
    return sum + memberBytes(name, sizeBytes);
  }, 0);

const toFile = ({ name, digest, sizeBytes }: PlannedMember): TarFile => ({
  name,
  content: { kind: 'blob', digest, sizeBytes },
});

/** @throws ConfigurationError where a chunk would hold too little */
function plan(set: GatheredSet, id: string, chunkBytes: number | undefined) {
  const layout = layoutFiles(set.images);
  const mark = chunkMarkFile({ version: 1, set: id, chunk: MOST_CHUNKS, of: MOST_CHUNKS });
  const planWith = (listBytes: number) =>
    planChunks(set.blobs, {
      chunkBytes,
      firstBytes: fileBytes([mark, ...layout]) + memberBytes(SET_FILE, listBytes),
      otherBytes: fileBytes([mark]),
    });
  // How long the list is depends on the chunks, and they on it: it grows until they agree.
  for (let listBytes = 1024; ; ) {
    const chunks = planWith(listBytes);
    if (chunks === undefined || chunks.length > MOST_CHUNKS) {
      throw new ConfigurationError(
        `--chunk: chunks of ${chunkBytes} bytes are too small for this set: its manifests and its list take more of the first, or there would be more than ${MOST_CHUNKS}`,
      );
    }
    const sizes = chunks.map(() => chunkBytes ?? Number.MAX_SAFE_INTEGER);
    const list = imageSetOf(set, id, chunks, sizes, () => UNKNOWN_DIGEST);
    const needed = Buffer.byteLength(setText(list));
    if (needed <= listBytes) return { chunks, layout, listBytes };
    listBytes = Math.max(needed, listBytes * 2);
  }
}

/**
 * Writes a set of images in chunks. The first, which names them, comes last: a set that has it is whole.
 *
 * @param fileOf the file of a chunk, from 1 on
 * @param watch hands content on, and shows how much has passed
 * @throws ConfigurationError; AnswerError where a blob is not what its digest says
 */
export async function writeSet(
  set: GatheredSet,
  chunkBytes: number | undefined,
  fileOf: (chunk: number) => string,
  watch: (name: string, content: AsyncIterable<Uint8Array>, totalBytes: number) => AsyncIterable<Uint8Array>,
): Promise<{ readonly list: ImageSet; readonly chunks: readonly WrittenChunk[] }> {
  if (set.blobs.length > MAX_SET_BLOBS) {
    throw new ConfigurationError(
      `the images have ${set.blobs.length} blobs, and a set has at most ${MAX_SET_BLOBS}`,
    );
  }
  const id = setIdOfContent(set);
  const { chunks, layout, listBytes } = plan(set, id, chunkBytes);
  const markOf = (chunk: number) => chunkMarkFile({ version: 1, set: id, chunk, of: chunks.length });
  const partDigests = new Map<string, string>();
  /** Of blobs that come in pieces, over all of these. */
  const wholes = new Map(set.blobs.map(({ digest }) => [formatDigest(digest), createHash(digest.algorithm)]));

  const sizeOf = new Map(set.blobs.map(({ digest, sizeBytes }) => [formatDigest(digest), sizeBytes]));

  async function* contentOf(member: PlannedMember): AsyncGenerator<Uint8Array> {
    const { name, digest, offset, sizeBytes, isPart } = member;
    const key = formatDigest(digest);
    const own = createHash('sha256');
    let readBytes = 0;
    const content = set.contentWith(key)?.readBlob(digest, offset, sizeBytes);
    for await (const piece of content ?? []) {
      own.update(piece);
      wholes.get(key)?.update(piece);
      readBytes += piece.length;
      yield piece;
    }
    if (readBytes !== sizeBytes) {
      throw new AnswerError('DATASTORE_FAILED', `${key} ended after ${readBytes} of ${sizeBytes} bytes`);
    }
    if (offset + sizeBytes === sizeOf.get(key)) {
      const hex = wholes.get(key)?.digest('hex');
      if (hex !== digest.hex) {
        throw new AnswerError('DATASTORE_FAILED', `${key} is damaged: it has the digest ${hex}`);
      }
    }
    if (isPart) partDigests.set(name, `sha256:${own.digest('hex')}`);
  }

  async function* archive(parts: readonly TarContent[], members: readonly PlannedMember[]) {
    const pending = [...members];
    for (const part of parts) {
      const member = part.kind === 'blob' ? pending.shift() : undefined;
      if (part.kind === 'bytes') yield part.bytes;
      else if (member !== undefined) yield* contentOf(member);
    }
  }

  async function write(chunk: number, files: readonly TarFile[], members: readonly PlannedMember[]) {
    const file = fileOf(chunk);
    const parts = tarParts([...files, ...members.map(toFile)]);
    const sizeBytes = totalBytes(parts);
    const content = ReadableStream.from(watch(file, archive(parts, members), sizeBytes));
    await writeWhole(file, content).catch((error: unknown) => {
      if (error instanceof AnswerError || error instanceof ConfigurationError) throw error;
      throw new ConfigurationError(`${file} cannot be written: ${errorMessage(error)}`, { cause: error });
    });
    return { file, sizeBytes };
  }

  const written: WrittenChunk[] = [];
  try {
    for (const [i, members] of chunks.entries()) {
      if (i > 0) written.push(await write(i + 1, [markOf(i + 1)], members));
    }
    const [members = []] = chunks;
    const filesWith = (firstBytes: number) => {
      const sizes = [firstBytes, ...written.map(({ sizeBytes }) => sizeBytes)];
      const list = imageSetOf(set, id, chunks, sizes, (name) => partDigests.get(name) ?? UNKNOWN_DIGEST);
      return { list, files: [markOf(1), setFile(list, listBytes), ...layout] };
    };
    const firstBytes = totalBytes(tarParts([...filesWith(0).files, ...members.map(toFile)]));
    const { list, files } = filesWith(firstBytes);
    return { list, chunks: [await write(1, files, members), ...written] };
  } catch (error) {
    // Without the first they are of no use.
    for (const { file } of written) await removeFile(file).catch(() => {});
    throw error;
  }
}
