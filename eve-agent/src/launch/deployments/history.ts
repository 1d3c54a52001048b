// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import * as z from 'zod';
import { createJsonLinesFile } from './json-lines-file.ts';
import type { ChangingOperation } from './operations.ts';

const entrySchema = z.object({
  /** When it ended, in ISO 8601. */
  time: z.string(),
  operation: z.string(),
  by: z.string(),
  outcome: z.enum(['done', 'failed']),
  /** Of the version that it led to; of a failure the one that failed, where it came so far. */
  generation: z.number().nullable(),
  /** `sha256:…` of the image's configuration. */
  image: z.string().nullable(),
  durationMs: z.number(),
  /** How long nobody answered, as far as the switch could tell. */
  gapMs: z.number().nullable(),
  code: z.string().nullable(),
  why: z.string().nullable(),
});

/** What was done to a deployment. */
export type HistoryEntry = z.infer<typeof entrySchema> & { readonly operation: ChangingOperation };
export const historyEntrySchema = entrySchema;

export interface History {
  append(name: string, entry: HistoryEntry): Promise<void>;
  /** The newest first, at most so many. */
  read(name: string, count: number): Promise<z.infer<typeof entrySchema>[]>;
}

const MAX_BYTES = 256 * 1024;

/** @param folder of all deployments; that of each is called by its name */
export function createHistory(folder: string): History {
  const fileOf = (name: string) =>
    createJsonLinesFile(join(folder, name, 'history.jsonl'), { maxBytes: MAX_BYTES, keptFiles: 1 });
  return {
    append: (name, entry) => fileOf(name).append(entry),
    async read(name, count) {
      const entries = (await fileOf(name).read()).flatMap((line) => {
        const parsed = entrySchema.safeParse(line);
        return parsed.success ? [parsed.data] : [];
      });
      return entries.reverse().slice(0, count);
    },
  };
}
