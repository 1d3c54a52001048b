// SPDX-License-Identifier: Apache-2.0
/** What is unpacked here. */
export type Compression = 'gzip' | 'zstd';
/** What is not, and is told of by its name. */
export type OtherCompression = 'xz' | 'bzip2' | 'lz4' | 'zip';

/** Bytes by which {@link compressionOf} tells. */
export const COMPRESSION_MAGIC_BYTES = 6;

const MAGICS: readonly (readonly [magic: RegExp, compression: Compression | OtherCompression])[] = [
  // RFC 1952 §2.3.1
  [/^1f8b/, 'gzip'],
  // RFC 8878 §3.1.1, and §3.1.2: pzstd begins with a frame to be skipped
  [/^28b52ffd/, 'zstd'],
  [/^5.2a4d18/, 'zstd'],
  [/^fd377a585a00/, 'xz'],
  [/^425a68/, 'bzip2'],
  [/^04224d18/, 'lz4'],
  [/^504b0304/, 'zip'],
];

/**
 * What content is compressed with, by what it begins with.
 *
 * @param head its first {@link COMPRESSION_MAGIC_BYTES}, or all there are
 * @returns undefined where it is not, or in a way that nobody here knows
 */
export function compressionOf(head: Uint8Array): Compression | OtherCompression | undefined {
  const text = Buffer.from(head.subarray(0, COMPRESSION_MAGIC_BYTES)).toString('hex');
  return MAGICS.find(([magic]) => magic.test(text))?.[1];
}

/** Whether {@link compressionOf} named one that is unpacked here. */
export const isUnpacked = (
  compression: Compression | OtherCompression | undefined,
): compression is Compression => compression === 'gzip' || compression === 'zstd';
