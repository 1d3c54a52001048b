// SPDX-License-Identifier: Apache-2.0
import type { OciErrorCode } from '@local-datastore/shared/oci/error-body';
import { ManifestError, type ManifestErrorCode } from '@local-datastore/shared/oci/manifest';
import { RegistryError, type RegistryErrorCode } from '../blobs/registry-error.ts';
import { StoreError, type StoreErrorCode } from '../content/store-error.ts';
import { type RegistryRefusal, RegistryRefusedError } from './registry-refusal.ts';

type StatusAndCode = readonly [number, OciErrorCode];

/** The one place that says which failure is which answer. */
const OF_MANIFEST: Readonly<Record<ManifestErrorCode, StatusAndCode>> = {
  MANIFEST_INVALID: [400, 'MANIFEST_INVALID'],
  MANIFEST_TOO_LARGE: [413, 'MANIFEST_INVALID'],
  UNSUPPORTED: [415, 'UNSUPPORTED'],
};
const OF_REGISTRY: Readonly<Record<RegistryErrorCode, StatusAndCode>> = {
  REPOSITORY_UNREADABLE: [503, 'UNKNOWN'],
  UPLOAD_UNKNOWN: [404, 'BLOB_UPLOAD_UNKNOWN'],
  UPLOAD_OFFSET: [416, 'BLOB_UPLOAD_INVALID'],
  MANIFEST_BLOB_UNKNOWN: [400, 'MANIFEST_BLOB_UNKNOWN'],
  TAG_RELEASED: [403, 'DENIED'],
  MANIFEST_REFERENCED: [403, 'DENIED'],
  NAME_TAKEN: [409, 'DENIED'],
  READ_ONLY: [405, 'UNSUPPORTED'],
  UPSTREAM_FAILED: [502, 'UNKNOWN'],
  TOO_MANY: [429, 'TOOMANYREQUESTS'],
};
const OF_STORE: Readonly<Record<StoreErrorCode, StatusAndCode>> = {
  NAME_INVALID: [400, 'NAME_INVALID'],
  NAME_RESERVED: [400, 'NAME_INVALID'],
  NAME_CONFLICT: [409, 'DENIED'],
  UPLOAD_INVALID: [400, 'BLOB_UPLOAD_INVALID'],
  BUNDLE_INVALID: [400, 'BLOB_UPLOAD_INVALID'],
  PATH_TAKEN: [409, 'DENIED'],
  IMAGE_RELEASED: [409, 'DENIED'],
  IMAGE_EXISTS: [412, 'DENIED'],
  IMAGE_MISSING: [404, 'BLOB_UNKNOWN'],
  INCOMPLETE: [400, 'SIZE_INVALID'],
  EMPTY_CONTENT: [400, 'SIZE_INVALID'],
  SIZE_MISMATCH: [400, 'SIZE_INVALID'],
  DIGEST_MISMATCH: [400, 'DIGEST_INVALID'],
  // Clients show the sentence of DENIED, and say no more than the number of another.
  NO_SPACE: [507, 'DENIED'],
  QUOTA_EXCEEDED: [507, 'DENIED'],
  NOT_WRITABLE: [403, 'DENIED'],
};

const RETRY_SECONDS = '5';
/** Clients read no error of megabytes; of a manifest with more missing the message says how many. */
const MAX_MISSING_TOLD = 100;

/** How a failure is answered; undefined for what nobody foresaw. */
export function answerToFailure(
  error: unknown,
): { readonly refusal: RegistryRefusal; readonly headers: Readonly<Record<string, string>> } | undefined {
  if (error instanceof RegistryRefusedError) return error;
  const found = statusAndCodeOf(error);
  if (found === undefined) return undefined;
  const [[status, code], { message, details }] = found;
  const digests = code === 'MANIFEST_BLOB_UNKNOWN' && Array.isArray(details.digests) ? details.digests : [];
  const errors =
    digests.length === 0
      ? [{ code, message }]
      : digests.slice(0, MAX_MISSING_TOLD).map((digest) => ({
          code,
          message: digests.length > MAX_MISSING_TOLD ? message : `The repository does not have ${digest}.`,
          detail: { digest },
        }));
  const isLater = status === 429 || status === 503;
  return { refusal: { status, errors }, headers: isLater ? { 'Retry-After': RETRY_SECONDS } : {} };
}

function statusAndCodeOf(
  error: unknown,
): readonly [StatusAndCode, ManifestError | RegistryError | StoreError] | undefined {
  if (error instanceof ManifestError) return [OF_MANIFEST[error.code], error];
  if (error instanceof RegistryError) return [OF_REGISTRY[error.code], error];
  if (error instanceof StoreError) return [OF_STORE[error.code], error];
  return undefined;
}
