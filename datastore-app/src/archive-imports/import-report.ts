// SPDX-License-Identifier: Apache-2.0
import type { WantedPlatform } from '@local-datastore/shared/oci/platform';
import type { ImportFailure } from './archive-image.ts';
import type { ChunkMark } from './image-set.ts';
import type { WantedName } from './import-names.ts';

export interface ImportWish {
  /** undefined: images are called as the archive calls them. */
  readonly name: WantedName | undefined;
  /** Of an index: these alone; none: all that the archive has. */
  readonly platforms: readonly WantedPlatform[];
}

/** An image under one of its names. */
export interface ImportedImage {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  readonly mediaType: string;
  /** Of all that it leads to, and what refers to it; each once. */
  readonly sizeBytes: number;
  /** Of that, what was not here before, as far as no other image of the report counts it. */
  readonly newBytes: number;
}

/** What came of an import. */
export interface ImportReport {
  readonly images: readonly ImportedImage[];
  readonly failed: readonly ImportFailure[];
  /** What a person should know, as sentences. */
  readonly notices: readonly string[];
  /** Of a chunk: which one of which set. */
  readonly chunk: ChunkMark | undefined;
  /** Blobs that the archive brought, whether or not they were here before. */
  readonly blobs: number;
}
