// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { type ChunkFile, readChunkFile, whatIsMissing } from './image-set-files.ts';
import {
  type ImportDeps,
  type ImportKind,
  type ImportOutcome,
  type ImportReport,
  type ImportRequest,
  outcomeOf,
} from './import-kind.ts';
import { sendArchive } from './send-archive.ts';

/** The usual name for stdin. */
const STANDARD = '-';
const READ_BYTES = 256 * 1024;

/** The size of a file that can be read. @throws ConfigurationError; undefined for a pipe */
export async function sizeOfFile(file: string): Promise<number | undefined> {
  const found = await stat(file).catch((error: unknown) => {
    throw new ConfigurationError(`${file} cannot be read: ${errorMessage(error)}`, { cause: error });
  });
  if (found.isDirectory()) {
    throw new ConfigurationError(`${file} is a folder: name an image layout as oci:${file}`);
  }
  return found.isFile() ? found.size : undefined;
}

/** What stands in a file. @throws ConfigurationError */
export async function* contentOfFile(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: READ_BYTES });
  } catch (error) {
    throw new ConfigurationError(`${file} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}

const importFile = (request: ImportRequest, deps: ImportDeps): Promise<ImportOutcome> =>
  outcomeOf(request.source, async () => {
    const { source } = request;
    const totalBytes = source === STANDARD ? undefined : await sizeOfFile(source);
    const content = source === STANDARD ? deps.input : contentOfFile(source);
    return sendArchive(request, content, totalBytes, deps);
  });

/** The chunks of one set: those that name nothing first, and none where the set would not be whole. */
async function* importSet(files: readonly ChunkFile[], deps: ImportDeps): AsyncGenerator<ImportOutcome> {
  const chunks = [...new Map(files.map((file) => [file.mark.chunk, file])).values()];
  const first = chunks.find(({ list }) => list !== undefined);
  if (first?.list !== undefined) {
    const { list, request } = first;
    const looked = await outcomeOf(
      request.source,
      async () => (await whatIsMissing(list, chunks, deps)) ?? NOTHING_MISSING,
    );
    if (looked.kind === 'failed' || looked.report !== NOTHING_MISSING) {
      yield looked;
      return;
    }
  }
  for (const { request } of chunks.toSorted((a, b) => b.mark.chunk - a.mark.chunk)) {
    const outcome = await importFile(request, deps);
    // Of a whole set only the first chunk has something to say.
    const isSilent = outcome.kind === 'report' && first !== undefined && request !== first.request;
    if (!isSilent) yield outcome;
    if (outcome.kind === 'failed' && first !== undefined) return;
  }
}

const NOTHING_MISSING: ImportReport = { images: [], failed: [], notices: [], blobs: 0 };

/** Archives in files, plain or compressed, and on stdin. */
export const archiveFiles: ImportKind = {
  form: 'FILE.tar[.gz|.zst], or - for stdin',
  isKindOf: (source) => source === STANDARD || !/^[a-z][a-z0-9+-]*:/.test(source),

  async *importFrom(requests, deps) {
    const sets = new Map<string, ChunkFile[]>();
    for (const request of requests) {
      const chunk = request.source === STANDARD ? undefined : await readChunkFile(request);
      if (chunk === undefined) yield await importFile(request, deps);
      else sets.set(chunk.mark.set, [...(sets.get(chunk.mark.set) ?? []), chunk]);
    }
    for (const files of sets.values()) yield* importSet(files, deps);
  },
};
