// SPDX-License-Identifier: Apache-2.0
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { makeFolderSync } from '@local-datastore/shared/files/make-folder';
import type { Log } from '@local-datastore/shared/log';
import { jsonText } from '@local-datastore/shared/text/json-text';
import type * as z from 'zod';

/** One JSON document on the disk, replaced as a whole. */
export interface JsonFile<Value> {
  /** null when there is none, or none that can be read. */
  read(): Value | null;
  write(value: Value): void;
}

/** Cut short by a power loss, or of another version. Says nothing of the text, which may hold secrets. */
function whyUnusable(error: unknown): string {
  if (systemErrorCode(error) !== undefined) return errorMessage(error);
  return error instanceof SyntaxError ? 'it is not JSON' : 'it is not of the form that is written there';
}

/** @param mode of the file, for those that hold secrets */
export function createJsonFile<Value>(
  path: string,
  schema: z.ZodType<Value>,
  log: Log,
  mode = 0o644,
): JsonFile<Value> {
  return {
    read() {
      try {
        return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
      } catch (error) {
        if (systemErrorCode(error) !== 'ENOENT') {
          const reason = whyUnusable(error);
          log.error({ file: path, reason }, 'a file of an earlier run is left out: it cannot be used');
        }
        return null;
      }
    },
    write(value) {
      makeFolderSync(dirname(path));
      writeFileSync(`${path}.new`, jsonText(value), { mode, flush: true });
      renameSync(`${path}.new`, path);
    },
  };
}
