// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import * as z from 'zod';
import { removeFile } from '../content/staging.ts';
import type { Verification } from '../images/verification.ts';

/**
 * Where `images verify` leaves what it found for the datastore, which alone writes the index of images and may
 * be running or not.
 */
export interface VerificationInbox {
  post(verifications: readonly Verification[]): Promise<void>;
  /** What was posted and not taken yet, in the order of its time. */
  peek(): Promise<Verification[]>;
  /** Hands what was posted on, and removes it once that was done. */
  take(handOn: (verifications: readonly Verification[]) => Promise<void>): Promise<void>;
}

const INBOX_DIRECTORY = 'verifications';
const bigintText = z
  .string()
  .regex(/^-?\d{1,20}$/)
  .transform(BigInt);

const postSchema = z.array(
  z.object({
    path: z.string(),
    version: z.object({
      sizeBytes: z.number(),
      ...{ mtimeNs: bigintText, ctimeNs: bigintText, inode: bigintText, device: bigintText },
    }),
    verified: z.iso.datetime(),
    isCorrupt: z.boolean(),
  }),
);

function parsePost(text: string): Verification[] {
  try {
    return postSchema.parse(JSON.parse(text));
  } catch {
    // Not ours, or half of something: nothing can be learnt from it.
    return [];
  }
}

export function createVerificationInbox({
  stateDirectory,
}: {
  readonly stateDirectory: string;
}): VerificationInbox {
  const folder = join(stateDirectory, INBOX_DIRECTORY);

  async function read(): Promise<{ files: string[]; verifications: Verification[] }> {
    const names = await readdir(folder).catch((error) => {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw error;
    });
    const files = names.filter((name) => name.endsWith('.json')).map((name) => join(folder, name));
    const verifications: Verification[] = [];
    for (const file of files) verifications.push(...parsePost(await readFile(file, 'utf8')));
    verifications.sort((a, b) => (a.verified < b.verified ? -1 : 1));
    return { files, verifications };
  }

  return {
    async post(verifications) {
      if (verifications.length === 0) return;
      await mkdir(folder).catch((error) => {
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      });
      const asText = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
      await writeDurably(join(folder, `${randomUUID()}.json`), JSON.stringify(verifications, asText));
    },
    peek: async () => (await read()).verifications,
    async take(handOn) {
      const { files, verifications } = await read();
      if (files.length === 0) return;
      await handOn(verifications);
      for (const file of files) await removeFile(file);
    },
  };
}
