// SPDX-License-Identifier: Apache-2.0
/** A file of a content that is in memory. */
import { createHash } from 'node:crypto';
import type { ParsedFile } from '../file-parser.ts';

export const memoryFile = (content: Buffer): Required<ParsedFile> => ({
  sizeBytes: content.length,
  readAt: async (offset, length) => content.subarray(offset, offset + length),
  hashOf: async ({ offset, sizeBytes }, algorithm) =>
    createHash(algorithm)
      .update(content.subarray(offset, offset + sizeBytes))
      .digest('hex'),
});

/** What is found of a content, or why nothing is. */
export const TASKS = ['describe', 'list', 'disks', 'validate'] as const;
