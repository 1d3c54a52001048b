// SPDX-License-Identifier: Apache-2.0
import type { FormatProblem, FormatProblemCode, ImageDescription } from './image-description.ts';

/** An image, as the formats look at it. */
export interface ImageSource {
  /** The first bytes: {@link HEAD_BYTES}, or all there are. */
  readonly head: Buffer;
  readonly sizeBytes: number;
  /** Reads up to `length` bytes at `offset`; fewer at the end of the file. */
  readonly readAt: (offset: number, length: number) => Promise<Buffer>;
}

/** One format: undefined where the content is of another. Bounded in what it reads; never fails on content. */
export type DescribeFormat = (source: ImageSource) => Promise<ImageDescription | undefined>;

/** Enough for every header that stands at the beginning. */
export const HEAD_BYTES = 4096;
export const SECTOR_BYTES = 512;
/** How a disk of another format becomes one that EVE starts. */
export const CONVERT = 'qemu-img convert -O qcow2 FILE NEW.qcow2';

export const problem = (code: FormatProblemCode, message: string): FormatProblem => ({ code, message });

/** Tables or content are told of that would stand behind the end. */
export const incomplete = (what: string): FormatProblem =>
  problem(
    'INCOMPLETE',
    `${what} beyond the end of the file: only a part of it has been copied, or it is still being written. Copy it again, and compare size and sha256 with where it comes from.`,
  );

export const startsWith = (bytes: Buffer, latin1: string, offset = 0): boolean =>
  bytes.toString('latin1', offset, offset + latin1.length) === latin1;

/** An unsigned 64-bit number as a number; null beyond what that holds exactly. */
export const toSafeNumber = (value: bigint): number | null =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;

/** The name of another file, as a header gives it, fit to be shown. */
export const quoted = (name: string): string =>
  `"${name
    .replace(/\0.*$/s, '')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\uFFFD]/gu, '?')
    .slice(0, 120)}"`;
