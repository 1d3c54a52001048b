import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { type ImportKind, outcomeOf } from './import-kind.ts';
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

/** Archives in files, plain or compressed, and on stdin. */
export const archiveFiles: ImportKind = {
  form: 'FILE.tar[.gz|.zst], or - for stdin',
  isKindOf: (source) => source === STANDARD || !/^[a-z][a-z0-9+-]*:/.test(source),

  async *importFrom(requests, deps) {
    for (const request of requests) {
      const { source } = request;
      yield await outcomeOf(source, async () => {
        const totalBytes = source === STANDARD ? undefined : await sizeOfFile(source);
        const content = source === STANDARD ? deps.input : contentOfFile(source);
        return sendArchive(request, content, totalBytes, deps);
      });
    }
  },
};
