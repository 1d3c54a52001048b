// SPDX-License-Identifier: Apache-2.0
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory, writeDurably } from '@local-datastore/shared/files/durable-file';
import { makeIncomingDirectory, readIncoming, removeFile } from '../content/staging.ts';
import { writePieces } from '../content/write-pieces.ts';
import { parseUploadRecord, type UploadRecord } from './upload-record.ts';

/** What has arrived of an upload. */
export interface ReceivedContent {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** The files of uploads: of each its content so far, and the record of it. */
export interface UploadFiles {
  /** Where the content of an upload stands. */
  contentOf(id: string): string;
  /** Makes the files of a new upload. */
  create(record: UploadRecord): Promise<void>;
  /** Replaces the record. */
  save(record: UploadRecord): Promise<void>;
  /** undefined: there is no content any more. */
  received(id: string): Promise<ReceivedContent | undefined>;
  /** Writes content at a position. What came before an error is kept. @returns how many bytes */
  write(
    id: string,
    position: number,
    content: AsyncIterable<Uint8Array>,
    beforeWrite: (bytes: number) => Promise<void>,
  ): Promise<number>;
  /** Removes both files. */
  remove(id: string): Promise<void>;
  /** All records; what belongs to none is removed. */
  load(): Promise<UploadRecord[]>;
}

const CONTENT_SUFFIX = '.upload';
const RECORD_SUFFIX = '.upload.json';
const FILE_NAME = /^([0-9a-f]{32})\.upload(?:\.json(?:\.new)?)?$/;

/** @param incoming the incoming directory of the root */
export function createUploadFiles(incoming: string): UploadFiles {
  const contentOf = (id: string) => join(incoming, `${id}${CONTENT_SUFFIX}`);
  const recordOf = (id: string) => join(incoming, `${id}${RECORD_SUFFIX}`);
  const save = (record: UploadRecord) => writeDurably(recordOf(record.id), `${JSON.stringify(record)}\n`);

  async function remove(id: string): Promise<void> {
    await removeFile(contentOf(id));
    await removeFile(recordOf(id));
    await syncDirectory(incoming);
  }

  return {
    contentOf,
    save,
    remove,

    async create(record) {
      await makeIncomingDirectory(incoming);
      try {
        const handle = await open(contentOf(record.id), 'wx', 0o644);
        await handle.close();
        await save(record);
      } catch (error) {
        await remove(record.id).catch(() => {});
        throw error;
      }
    },

    async received(id) {
      try {
        const { size, mtimeMs } = await stat(contentOf(id));
        return { sizeBytes: size, modifiedMs: mtimeMs };
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') return undefined;
        throw error;
      }
    },

    async write(id, position, content, beforeWrite) {
      const handle = await open(contentOf(id), 'r+');
      try {
        return await writePieces(handle, position, content, beforeWrite);
      } finally {
        await handle.close();
      }
    },

    async load() {
      const records: UploadRecord[] = [];
      const ids = new Set<string>();
      for (const name of await readIncoming(incoming)) {
        const [, id] = FILE_NAME.exec(name) ?? [];
        if (id !== undefined) ids.add(id);
      }
      for (const id of ids) {
        await removeFile(`${recordOf(id)}.new`);
        const text = await readFile(recordOf(id), 'utf8').catch((error) => {
          if (systemErrorCode(error) === 'ENOENT') return '';
          throw error;
        });
        const record = parseUploadRecord(text);
        if (record?.id === id) records.push(record);
        else await remove(id);
      }
      return records;
    },
  };
}
