// SPDX-License-Identifier: Apache-2.0
import type { ParseTask } from '../../parsing/file-parser.ts';

/** What one job may ask for, and how long it may think. */
export interface JobLimits {
  readonly asks: number;
  readonly bytes: number;
  /** How long it is waited for altogether, while it has no answer to wait for; undefined: for ever. */
  readonly thinkingMs: number | undefined;
}

const MEBIBYTE = 1024 * 1024;
const MINUTE_MS = 60_000;
/** Tables and grains are read in pieces that are no smaller, most of the time. */
const SMALLEST_PIECE = 64;

/** More than any file needs whose maker meant well. */
export function limitsOf(task: ParseTask, sizeBytes: number): JobLimits {
  switch (task) {
    case 'describe':
      return { asks: 20_000, bytes: 256 * MEBIBYTE, thinkingMs: MINUTE_MS };
    case 'member':
      return { asks: 100, bytes: 4 * MEBIBYTE, thinkingMs: MINUTE_MS };
    case 'list':
    case 'disks':
      return { asks: 200_000, bytes: 1024 * MEBIBYTE, thinkingMs: 5 * MINUTE_MS };
    case 'validate':
      // All of it is read, some of it more than once.
      return {
        asks: 200_000 + Math.ceil(sizeBytes / SMALLEST_PIECE),
        bytes: 1024 * MEBIBYTE + 4 * sizeBytes,
        thinkingMs: undefined,
      };
  }
}
