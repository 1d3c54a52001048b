// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import * as z from 'zod';
import type { ChainPlace } from './audit-line.ts';

/** Where the log of an agent stands: files that are numbered one after another, and the head. */
export const auditFolderOf = (stateFolder: string): string => join(stateFolder, 'audit');

const headSchema = z.strictObject({
  /** 0 before the first line. */
  seq: z.int().min(0),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** The file in which that line stands, and where the line ends. */
  file: z.int().min(1),
  bytes: z.int().min(0),
  /** The oldest file that is kept. */
  first: z.int().min(1),
});

/** What the log is known to hold: it is written after what it tells of has reached the disk. */
export type AuditHead = z.infer<typeof headSchema> & ChainPlace;

const HEAD_NAME = 'head.json';

/** @returns why there is none where it cannot be used; null where there is no file */
export async function readAuditHead(folder: string): Promise<AuditHead | string | null> {
  try {
    return headSchema.parse(JSON.parse(await readFile(join(folder, HEAD_NAME), 'utf8')));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    const why =
      systemErrorCode(error) === undefined ? 'it is of no form that is written' : errorMessage(error);
    return `${HEAD_NAME} cannot be used: ${why}`;
  }
}

export async function writeAuditHead(folder: string, head: AuditHead): Promise<void> {
  await writeDurably(join(folder, HEAD_NAME), `${JSON.stringify(head)}\n`, { mode: 0o600 });
}
