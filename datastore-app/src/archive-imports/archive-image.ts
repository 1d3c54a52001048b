// SPDX-License-Identifier: Apache-2.0
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import type { BlobInfo } from '../blobs/registry-store.ts';

/** An image that an archive holds, with all that belongs to it. */
export interface FoundImage {
  /** How the archive calls it: names with or without a tag, or tags alone. */
  readonly names: readonly string[];
  readonly root: ManifestDocument;
  /** Everything that it leads to, and what refers to that: those that others need come first. */
  readonly others: readonly ManifestDocument[];
  /** Of `others`: what clients find by a tag that is made of a digest, by that tag. */
  readonly attached: ReadonlyMap<string, ManifestDocument>;
  /** Configs and layers, each once, by digest. */
  readonly blobs: ReadonlyMap<string, BlobInfo>;
}

/** What was found, and what could not be read. */
export interface FoundImages {
  readonly found: readonly FoundImage[];
  readonly failed: readonly ImportFailure[];
}

/** Why one image cannot be imported. */
export const IMPORT_FAILURE_CODES = [
  'CONTENT_MISSING',
  'DIGEST_MISMATCH',
  'DENIED',
  'IMAGE_INVALID',
  'NAME_CONFLICT',
  'NAME_INVALID',
  'NAME_MISSING',
  'NO_SPACE',
  'PLATFORM_UNKNOWN',
  'READ_ONLY',
  'REPOSITORY_UNREADABLE',
  'SIZE_MISMATCH',
  'TAG_RELEASED',
  'TOO_MANY',
] as const;
export type ImportFailureCode = (typeof IMPORT_FAILURE_CODES)[number];

/** Content that an image needs and that is nowhere to be had. */
export interface MissingContent {
  readonly digest: string;
  readonly sizeBytes: number;
  /** Of a set: the chunks that it comes in. */
  readonly chunks?: readonly number[] | undefined;
}

export interface ImportFailure {
  /** The image, as the archive or the import calls it. */
  readonly name: string;
  readonly code: ImportFailureCode;
  /** As a sentence. */
  readonly message: string;
  readonly missing?: readonly MissingContent[] | undefined;
}

/** Why an image is passed over while it is looked at. */
export class ImageFailure extends Error {
  readonly code: ImportFailureCode;
  readonly missing: readonly MissingContent[] | undefined;

  constructor(code: ImportFailureCode, message: string, missing?: readonly MissingContent[]) {
    super(message);
    this.name = 'ImageFailure';
    this.code = code;
    this.missing = missing;
  }
}
