// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory, writeDurably } from '@local-datastore/shared/files/durable-file';
import { makeFolder } from '@local-datastore/shared/files/make-folder';
import { removeFile } from '@local-datastore/shared/files/remove-file';
import type { Log } from '@local-datastore/shared/log';
import { asStoreError } from '../content/store-error.ts';
import { type ImportJobRecord, importJobSchema } from './import-job.ts';

/** The files of jobs, so that they are remembered over a restart: one for each. */
export interface JobFiles {
  /** Those that can be read; of the others the log tells, and they are left as they are. */
  load(): Promise<ImportJobRecord[]>;
  /** Survives a power cut when it returns. @throws StoreError NO_SPACE, NOT_WRITABLE; system errors */
  save(record: ImportJobRecord): Promise<void>;
  remove(id: string): Promise<void>;
}

const FOLDER = 'imports';
const FILE_NAME = /^([0-9a-f]{16})\.json$/;
/** A credential may stand in them. */
const MODE = 0o600;
const FOLDER_MODE = 0o700;
const MAX_FILE_BYTES = 1024 * 1024;

export function createJobFiles(
  { log }: { readonly log: Log },
  { stateDirectory }: { readonly stateDirectory: string },
): JobFiles {
  const folder = join(stateDirectory, FOLDER);
  const fileOf = (id: string) => join(folder, `${id}.json`);

  async function read(id: string): Promise<ImportJobRecord> {
    const file = fileOf(id);
    if ((await stat(file)).size > MAX_FILE_BYTES) throw new RangeError('it is too large');
    const parsed = importJobSchema().safeParse(JSON.parse(await readFile(file, 'utf8')));
    if (!parsed.success) throw new Error(parsed.error.issues[0]?.message ?? 'it is none');
    if (parsed.data.id !== id) throw new Error('it is the file of another one');
    return parsed.data;
  }

  async function names(): Promise<string[]> {
    try {
      return await readdir(folder);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  return {
    async load() {
      const records: ImportJobRecord[] = [];
      for (const name of await names()) {
        const id = FILE_NAME.exec(name)?.[1];
        if (id === undefined) continue;
        try {
          records.push(await read(id));
        } catch (error) {
          // What V8 says of text that is not JSON quotes it.
          const reason = error instanceof SyntaxError ? 'it is not JSON' : errorMessage(error);
          log.warn(
            { file: fileOf(id), reason },
            'the file of an import cannot be read, and is left as it is',
          );
        }
      }
      return records;
    },
    async save(record) {
      try {
        await makeFolder(folder, FOLDER_MODE);
        await writeDurably(fileOf(record.id), `${JSON.stringify(record)}\n`, { mode: MODE });
      } catch (error) {
        throw asStoreError(error);
      }
    },
    async remove(id) {
      await removeFile(fileOf(id));
      await syncDirectory(folder);
    },
  };
}
