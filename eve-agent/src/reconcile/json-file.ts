import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type * as z from 'zod';
import { jsonText } from '../cli/json-text.ts';

/** One JSON document on the disk, replaced as a whole. */
export interface JsonFile<Value> {
  /** null when there is none, or none that can be read. */
  read(): Value | null;
  write(value: Value): void;
}

/** @param mode of the file, for those that hold secrets */
export function createJsonFile<Value>(path: string, schema: z.ZodType<Value>, mode = 0o644): JsonFile<Value> {
  return {
    read() {
      try {
        return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
      } catch {
        // Absent, cut short by a power loss, or of another version.
        return null;
      }
    },
    write(value) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(`${path}.new`, jsonText(value), { mode, flush: true });
      renameSync(`${path}.new`, path);
    },
  };
}
