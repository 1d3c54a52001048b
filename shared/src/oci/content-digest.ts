// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { OciAlgorithm, OciDigest } from './digest.ts';

/** The digest of content that is in memory. */
export const contentDigest = (
  content: Uint8Array | string,
  algorithm: OciAlgorithm = 'sha256',
): OciDigest => ({
  algorithm,
  hex: createHash(algorithm).update(content).digest('hex'),
});
