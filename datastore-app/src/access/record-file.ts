// SPDX-License-Identifier: Apache-2.0
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import { waitForLock } from '@local-datastore/shared/files/exclusive-lock';
import * as z from 'zod';

/** Records by name in a file of the state directory, which commands change while the datastore runs. */
export interface RecordFile<Item> {
  readonly file: string;
  /** @throws ConfigurationError when the file cannot be understood */
  read(): Promise<ReadonlyMap<string, Item>>;
  /**
   * Changes the records, while nobody else does, and returns when the change survives a power cut.
   *
   * @param change is given all records, changes the map, and may throw: then nothing is written
   */
  edit<Result>(change: (records: Map<string, Item>) => Result): Promise<Result>;
}

/** A file that we wrote ourselves is no larger. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MODE = 0o600;
const MAX_LOCK_MS = 10_000;

/** Who has this lock alone changes records below a state directory, from whichever namespace of files. */
async function lockState(stateDirectory: string): Promise<() => void> {
  const { dev, ino } = await stat(await realpath(stateDirectory));
  const release = await waitForLock(`local-datastore/state/${dev}/${ino}`, MAX_LOCK_MS);
  if (release !== null) return release;
  throw new ConfigurationError(`another process has been changing what is in ${stateDirectory} for 10 s`);
}

/** @param item of one record; what it takes stands in the file as it is */
export function createRecordFile<Item>(
  stateDirectory: string,
  name: string,
  item: () => z.ZodType<Item>,
): RecordFile<Item> {
  const file = join(stateDirectory, name);
  const schema = () => z.strictObject({ version: z.literal(1), records: z.record(z.string(), item()) });

  async function read(): Promise<Map<string, Item>> {
    try {
      if ((await stat(file)).size > MAX_FILE_BYTES) throw new RangeError('it is larger than 16 MiB');
      const parsed = schema().safeParse(JSON.parse(await readFile(file, 'utf8')));
      if (parsed.success) return new Map(Object.entries(parsed.data.records));
      const [issue] = parsed.error.issues;
      throw new Error(`${issue?.path.join('.')}: ${issue?.message}`);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return new Map();
      // What V8 says of text that is not JSON quotes it.
      const why = error instanceof SyntaxError ? 'it is not JSON' : errorMessage(error);
      throw new ConfigurationError(`${file} cannot be used: ${why}`, { cause: error });
    }
  }

  return {
    file,
    read,
    async edit(change) {
      const release = await lockState(stateDirectory);
      try {
        const records = await read();
        const result = change(records);
        const document = { version: 1, records: Object.fromEntries(records) };
        await writeDurably(file, `${JSON.stringify(document, null, 2)}\n`, { mode: MODE });
        return result;
      } finally {
        release();
      }
    },
  };
}
