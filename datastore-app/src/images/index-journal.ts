// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import { removeFile } from '@local-datastore/shared/files/remove-file';

/** A line: the CRC-32 of what follows in hexadecimal digits, a space, and one JSON value. */
const LINE = /^([0-9a-f]{8}) (.+)$/;

const lineOf = (value: unknown): string => {
  const json = JSON.stringify(value);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
};

/** What a journal held. */
export interface JournalContent {
  /** In the order in which they were appended. */
  readonly records: readonly unknown[];
  readonly sizeBytes: number;
  /** False: it ends in a line that was not written whole, after which nothing may be appended. */
  readonly isSound: boolean;
}

/** Changes of a file that is too large to be written at each of them, appended to another beside it. */
export interface IndexJournal {
  /**
   * The records up to the first line that is not whole: a power cut tears the last one.
   *
   * @returns undefined where there is no journal, or it is of another state of the file
   */
  read(stateId: string): Promise<JournalContent | undefined>;
  /**
   * Appends records; from then on they survive a power cut.
   *
   * @param isNew begins a journal of this state of the file
   * @returns how many bytes were appended
   * @throws system errors, also where the journal is gone; then the last line may be torn
   */
  append(stateId: string, records: readonly unknown[], isNew: boolean): Promise<number>;
  /** Removes a journal whose records the file holds by now. */
  remove(): Promise<void>;
}

function parseLine(line: string): { readonly value: unknown } | undefined {
  const [, sum, json] = LINE.exec(line) ?? [];
  if (json === undefined || crc32(json) !== Number.parseInt(sum ?? '', 16)) return undefined;
  return { value: JSON.parse(json) };
}

/** Never rejects what is torn: it ends before it. */
function parseLines(text: string): { readonly values: unknown[]; readonly isSound: boolean } {
  const values: unknown[] = [];
  let start = 0;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
    const parsed = parseLine(text.slice(start, end));
    if (parsed === undefined) return { values, isSound: false };
    values.push(parsed.value);
    start = end + 1;
  }
  return { values, isSound: start === text.length };
}

/** A journal in a file. Its first line names the state of the other file that its records belong to. */
export function createIndexJournal(file: string): IndexJournal {
  return {
    async read(stateId) {
      const text = await readFile(file, 'utf8').catch((error) => {
        if (systemErrorCode(error) !== 'ENOENT') throw error;
        return '';
      });
      const { values, isSound } = parseLines(text);
      const [owner, ...records] = values;
      return owner === stateId ? { records, sizeBytes: Buffer.byteLength(text), isSound } : undefined;
    },

    async append(stateId, records, isNew) {
      const text = `${isNew ? lineOf(stateId) : ''}${records.map(lineOf).join('')}`;
      if (isNew) {
        await writeDurably(file, text);
        return Buffer.byteLength(text);
      }
      const handle = await open(file, constants.O_WRONLY | constants.O_APPEND);
      try {
        await handle.writeFile(text);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      return Buffer.byteLength(text);
    },

    async remove() {
      await removeFile(file);
    },
  };
}
