// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@local-datastore/shared/digest/digest';
import type { FileVersion } from '../content/file-version.ts';

/** An image, or a blob, whose digest is known, and which can therefore be read again and compared. */
export interface Verifiable {
  /** Below the root. */
  readonly path: string;
  readonly version: FileVersion;
  readonly digest: Digest;
  /** ISO 8601: when it was last read; null: not since it is remembered. */
  readonly verified: string | null;
}

/** What reading an image again came to. */
export interface Verification {
  readonly path: string;
  readonly version: FileVersion;
  /** ISO 8601. */
  readonly verified: string;
  readonly isCorrupt: boolean;
}
