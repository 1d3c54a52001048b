// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import * as z from 'zod';

/** What was wanted of a deployment last, put down before the engine is told. What is there, the engine alone knows. */
const desiredSchema = z.object({
  state: z.enum(['running', 'stopped', 'removed']),
  /** null: whatever was there. */
  image: z.object({ tag: z.string(), id: z.string(), configDigest: z.string() }).nullable(),
  operation: z.string(),
  by: z.string(),
  at: z.string(),
});
export type DesiredState = z.infer<typeof desiredSchema>;

export interface DesiredStates {
  write(name: string, desired: DesiredState): Promise<void>;
  /** null: nothing was wanted, or what was cannot be read. */
  read(name: string): Promise<DesiredState | null>;
}

/** @param folder of all deployments; that of each is called by its name */
export function createDesiredStates(folder: string): DesiredStates {
  const fileOf = (name: string) => join(folder, name, 'desired.json');
  return {
    async write(name, desired) {
      await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
      await writeDurably(fileOf(name), `${JSON.stringify(desired)}\n`, { mode: 0o600 });
    },
    async read(name) {
      try {
        return desiredSchema.parse(JSON.parse(await readFile(fileOf(name), 'utf8')));
      } catch (error) {
        if (systemErrorCode(error) === undefined || systemErrorCode(error) === 'ENOENT') return null;
        throw error;
      }
    },
  };
}
