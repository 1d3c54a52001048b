// SPDX-License-Identifier: Apache-2.0
import type { FileVersion } from '../content/file-version.ts';

/** An image that came to be, as whoever published it hears of it. */
export interface PublishedImage {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** False: another image had the path before. */
  readonly isNew: boolean;
}

/** An image that came to be, as it is told on. */
export interface Publication {
  readonly path: string;
  readonly version: FileVersion;
  readonly sha256: string;
}
