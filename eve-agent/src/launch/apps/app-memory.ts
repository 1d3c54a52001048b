// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { appRecordSchema } from './counters.ts';

export const APP_KINDS = ['container', 'vm'] as const;
export type AppKind = (typeof APP_KINDS)[number];

const appMemorySchema = z.object({
  ...appRecordSchema.shape,
  /** How often a person asked that it be made anew. */
  purges: z.number(),
  /** What it ran as; there were containers alone before this was noted. */
  kind: z.enum(APP_KINDS).default('container'),
});

/** What was carried out of an app. */
export type AppMemory = z.infer<typeof appMemorySchema>;

/** By uuid. */
export const appMemoriesSchema = z.record(z.string(), appMemorySchema);
export type AppMemories = z.infer<typeof appMemoriesSchema>;

/** Where it outlasts the process. */
export interface AppMemoryFile {
  read(): AppMemories | null;
  write(value: AppMemories): void;
}

export interface AppMemoryBook {
  get(id: string): AppMemory | null;
  /** Returns when it is stored. */
  set(id: string, memory: AppMemory): void;
  forget(id: string): void;
}

export function createAppMemoryBook(file: AppMemoryFile): AppMemoryBook {
  let memories: AppMemories = file.read() ?? {};
  const write = (changed: AppMemories) => {
    memories = changed;
    file.write(memories);
  };
  return {
    get: (id) => memories[id] ?? null,
    set: (id, memory) => write({ ...memories, [id]: memory }),
    forget(id) {
      const { [id]: gone, ...rest } = memories;
      if (gone !== undefined) write(rest);
    },
  };
}
