// SPDX-License-Identifier: Apache-2.0
/** Validates a content that is in memory, as an image is. */
import { createHash } from 'node:crypto';
import { detectFormat } from '../describe-image.ts';
import { collectDefects, type Defect, type ValidationSource } from '../file-format.ts';

export interface ValidatedBytes {
  readonly format: string;
  /** Of the description, and of the validation. */
  readonly defects: readonly Defect[];
}

export async function validateBytes(content: Buffer): Promise<ValidatedBytes> {
  const readAt = async (offset: number, length: number) => content.subarray(offset, offset + length);
  const { format, description, source } = await detectFormat(readAt, content.length);
  const whole: ValidationSource = {
    ...source,
    signal: new AbortController().signal,
    hashOf: async ({ offset, sizeBytes }, algorithm) =>
      createHash(algorithm)
        .update(content.subarray(offset, offset + sizeBytes))
        .digest('hex'),
  };
  const found = await collectDefects(format.validate(whole));
  return { format: format.name, defects: [...description.problems, ...found] };
}
