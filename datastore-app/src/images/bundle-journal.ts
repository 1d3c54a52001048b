// SPDX-License-Identifier: Apache-2.0
import { writeDurably } from '@local-datastore/shared/files/durable-file';
import * as z from 'zod';

const bigintText = z
  .string()
  .regex(/^-?\d{1,20}$/)
  .transform(BigInt);
const fileName = z.string().regex(/^[\w.-]{1,128}$/);

const journalSchema = z.object({
  step: z.enum(['publishing', 'undoing']),
  replace: z.boolean(),
  entries: z.array(
    z.object({
      path: z.string(),
      staged: fileName,
      /** A second name of the image that had the path before. */
      replaced: fileName,
      // By these the content is known again at its place, also where inodes do not outlive a mount.
      sizeBytes: z.number().int().nonnegative(),
      mtimeNs: bigintText,
      sha256: z.string(),
    }),
  ),
});

/** What is to become of several images, written down before the first of them changes its place. */
export type BundleJournal = z.infer<typeof journalSchema>;
export type BundleEntry = BundleJournal['entries'][number];

/** From then on it survives a power cut. */
export function writeJournal(file: string, journal: BundleJournal): Promise<void> {
  const asText = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
  return writeDurably(file, `${JSON.stringify(journal, asText)}\n`);
}

/** @throws SyntaxError or ZodError where it is none */
export const parseJournal = (text: string): BundleJournal => journalSchema.parse(JSON.parse(text));
