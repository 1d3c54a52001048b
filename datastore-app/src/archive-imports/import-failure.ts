// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { ManifestError } from '@local-datastore/shared/oci/manifest';
import { RegistryError } from '../blobs/registry-error.ts';
import { StoreError } from '../content/store-error.ts';
import {
  ImageFailure,
  type ImportFailure,
  type ImportFailureCode,
  type MissingContent,
} from './archive-image.ts';

/** So many digests are named in a sentence. */
const MAX_TOLD = 3;

const CODE_OF: Readonly<Record<string, ImportFailureCode>> = {
  REPOSITORY_UNREADABLE: 'REPOSITORY_UNREADABLE',
  READ_ONLY: 'READ_ONLY',
  TAG_RELEASED: 'TAG_RELEASED',
  TOO_MANY: 'TOO_MANY',
  MANIFEST_BLOB_UNKNOWN: 'CONTENT_MISSING',
  DIGEST_MISMATCH: 'DIGEST_MISMATCH',
  SIZE_MISMATCH: 'SIZE_MISMATCH',
  NO_SPACE: 'NO_SPACE',
  QUOTA_EXCEEDED: 'NO_SPACE',
};

/** What spoils one image; undefined for what has to stop the import. */
export function failureOf(name: string, error: unknown): ImportFailure | undefined {
  if (error instanceof ImageFailure) {
    const { code, message, missing } = error;
    return { name, code, message, missing };
  }
  if (error instanceof ManifestError) return { name, code: 'IMAGE_INVALID', message: error.message };
  const isForeseen = error instanceof RegistryError || error instanceof StoreError;
  const code = isForeseen ? CODE_OF[error.code] : undefined;
  return code && { name, code, message: errorMessage(error) };
}

/** What is missing, as a sentence for a person. */
export function missingSentence(missing: readonly MissingContent[]): string {
  const told = missing
    .slice(0, MAX_TOLD)
    .map(({ digest, chunks }) => (chunks === undefined ? digest : `${digest} (chunk ${chunks.join(', ')})`));
  const rest = missing.length - told.length;
  return `It needs what is neither in the archive nor here: ${told.join(', ')}${rest > 0 ? `, and ${rest} more` : ''}.`;
}
