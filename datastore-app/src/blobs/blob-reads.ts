// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import * as z from 'zod';
import type { DigestText } from './blob-files.ts';

/**
 * Remembers over restarts when blobs were last read again, by the 256 groups in which they stand: there may be very
 * many of them, and they are read group by group.
 */
export interface BlobReads {
  /** By group: when the one that was not read for longest was read, in ISO 8601. Nothing where nothing is remembered. */
  load(): Promise<ReadonlyMap<string, string>>;
  /** @param read of each blob there is; null: not since it is remembered */
  save(read: Iterable<readonly [digest: DigestText, verified: string | null]>): Promise<void>;
}

const FILE = 'blob-reads.json';
const DOCUMENT = z.object({
  version: z.literal(1),
  groups: z.record(z.string().regex(/^sha(?:256|512):[0-9a-f]{2}$/), z.iso.datetime()),
});

/** The algorithm and the first two digits. */
export const groupOf = (digest: DigestText): string => digest.slice(0, digest.indexOf(':') + 3);

/** Of each group the oldest time; a group with a blob that was not read has none. */
export function oldestReads(
  read: Iterable<readonly [digest: DigestText, verified: string | null]>,
): Map<string, string> {
  const oldest = new Map<string, string | null>();
  for (const [digest, verified] of read) {
    const group = groupOf(digest);
    const before = oldest.get(group);
    if (before === undefined) oldest.set(group, verified);
    else if (before !== null && (verified === null || verified < before)) oldest.set(group, verified);
  }
  return new Map([...oldest].flatMap(([group, time]) => (time === null ? [] : [[group, time] as const])));
}

export function createBlobReads({ stateDirectory }: { readonly stateDirectory: string }): BlobReads {
  const file = join(stateDirectory, FILE);
  let saved: string | undefined;

  return {
    async load() {
      try {
        return new Map(Object.entries(DOCUMENT.parse(JSON.parse(await readFile(file, 'utf8'))).groups));
      } catch (error) {
        // Not there, or nothing that can be understood: everything is read again.
        const code = systemErrorCode(error);
        if (code !== undefined && code !== 'ENOENT') throw error;
        return new Map();
      }
    },

    async save(read) {
      const groups = Object.fromEntries([...oldestReads(read)].sort(([a], [b]) => (a < b ? -1 : 1)));
      const text = `${JSON.stringify({ version: 1, groups })}\n`;
      if (text === saved) return;
      await writeDurably(file, text);
      saved = text;
    },
  };
}
