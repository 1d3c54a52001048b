// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  CHUNK_FILE,
  type ChunkMark,
  type ImageSet,
  MAX_LIST_BYTES,
  parseChunkMark,
  parseImageSet,
  SET_FILE,
} from '../../archive-imports/image-set.ts';
import { missingSentence } from '../../archive-imports/import-failure.ts';
import { tarMembers } from '../../formats/tar-members.ts';
import { REGISTRY_API } from '../../http/registry-gate.ts';
import { missingSchema } from '../../http/routes/registry-inventory.ts';
import type { ImportDeps, ImportReport, ImportRequest } from './import-kind.ts';

/** A file that is a chunk of a set. */
export interface ChunkFile {
  readonly request: ImportRequest;
  readonly mark: ChunkMark;
  readonly sizeBytes: number;
  /** Of the first chunk. */
  readonly list: ImageSet | undefined;
}

const MAX_MARK_BYTES = 4096;
/** So many blobs are asked for in one request. */
const ASKED_AT_ONCE = 10_000;

/**
 * What a file says of the set that it is a chunk of, by its first members.
 *
 * @returns undefined for any other file, and for what cannot be read: who reads it then says so
 */
export async function readChunkFile(request: ImportRequest): Promise<ChunkFile | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(request.source, 'r');
    const opened = handle;
    const stat = await opened.stat();
    if (!stat.isFile()) return undefined;
    const readAt = async (offset: number, length: number) => {
      const { bytesRead, buffer } = await opened.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    };
    const members = tarMembers(readAt, stat.size, 2);
    const first = (await members.next()).value;
    if (first === undefined || !('name' in first) || first.name !== CHUNK_FILE) return undefined;
    if (first.sizeBytes > MAX_MARK_BYTES) return undefined;
    const mark = parseChunkMark(await readAt(first.offset, first.sizeBytes));
    if (mark === undefined) return undefined;
    const second = mark.chunk === 1 ? (await members.next()).value : undefined;
    const hasList = second !== undefined && 'name' in second && second.name === SET_FILE;
    const list =
      hasList && second.sizeBytes <= MAX_LIST_BYTES
        ? parseImageSet(await readAt(second.offset, second.sizeBytes))
        : undefined;
    return { request, mark, sizeBytes: stat.size, list };
  } catch {
    return undefined;
  } finally {
    await handle?.close();
  }
}

interface Needed {
  readonly digest: string;
  readonly sizeBytes: number;
  /** The chunk that brings it; undefined: it is expected to be there. */
  readonly chunk: number | undefined;
}

/** All that a set is made of, and that none of some chunks brings. */
function notBrought(list: ImageSet, chunks: ReadonlySet<number>): Needed[] {
  return [
    ...list.blobs,
    ...list.split.flatMap(({ parts }) => parts),
    ...list.expected.map((each) => ({ ...each, chunk: undefined })),
  ].filter(({ chunk }) => chunk === undefined || !chunks.has(chunk));
}

/**
 * What of a set would be missing if these of its files were imported: before anything of it is sent.
 *
 * @returns undefined: nothing is
 */
export async function whatIsMissing(
  list: ImageSet,
  files: readonly ChunkFile[],
  { client }: Pick<ImportDeps, 'client'>,
): Promise<ImportReport | undefined> {
  // A file that is cut off brings nothing that can be counted on.
  const whole = files.filter(({ mark, sizeBytes }) => sizeBytes === list.chunkBytes[mark.chunk - 1]);
  const cut = files.filter((file) => !whole.includes(file));
  const needed = notBrought(list, new Set(whole.map(({ mark }) => mark.chunk)));
  if (needed.length === 0) return undefined;
  const missing = new Set<string>();
  for (let at = 0; at < needed.length; at += ASKED_AT_ONCE) {
    const blobs = needed
      .slice(at, at + ASKED_AT_ONCE)
      .map(({ digest, sizeBytes }) => ({ digest, sizeBytes }));
    const answer = await client.ask('POST', `${REGISTRY_API}/import/missing`, { blobs });
    for (const { digest } of missingSchema().parse(await answer.json()).missing) missing.add(digest);
  }
  if (missing.size === 0) return undefined;
  const chunksOf = new Map<string, Set<number>>();
  const note = (digest: string, chunk: number | undefined) => {
    const chunks = chunksOf.get(digest) ?? new Set();
    if (chunk !== undefined) chunks.add(chunk);
    chunksOf.set(digest, chunks);
  };
  for (const { digest, chunk } of needed) if (missing.has(digest)) note(digest, chunk);
  for (const { digest, parts } of list.split) {
    for (const part of parts) if (missing.has(part.digest)) note(digest, part.chunk);
  }
  const places = [...list.blobs, ...list.split, ...list.expected];
  const failed: ImportReport['failed'] = list.images.flatMap(({ name, needs }) => {
    const own = needs.flatMap((place) => {
      const { digest = '', sizeBytes = 0 } = places[place] ?? {};
      const chunks = chunksOf.get(digest);
      if (chunks === undefined) return [];
      return { digest, sizeBytes, ...(chunks.size > 0 && { chunks: [...chunks] }) };
    });
    if (own.length === 0) return [];
    return { name, code: 'CONTENT_MISSING' as const, message: missingSentence(own), missing: own };
  });
  const notices = cut.map(
    ({ request, mark, sizeBytes }) =>
      `${basename(request.source)} has ${sizeBytes} bytes, and not ${list.chunkBytes[mark.chunk - 1]}: copy it again.`,
  );
  return {
    images: [],
    failed,
    notices: [...notices, 'Nothing was sent: a set is taken as a whole.'],
    blobs: 0,
  };
}
