// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/**
 * Why the registry's store does not do what it was asked for, beside what a StoreError says (DIGEST_MISMATCH,
 * SIZE_MISMATCH, NO_SPACE, QUOTA_EXCEEDED, NOT_WRITABLE).
 *
 * REPOSITORY_UNREADABLE: its record is damaged; nothing of it is read or written until a person has looked.
 * UPLOAD_UNKNOWN: there is no such upload. UPLOAD_OFFSET: what came does not begin where the upload ends; details
 * hold `receivedBytes`. MANIFEST_BLOB_UNKNOWN: a manifest names blobs that its repository does not have; details
 * hold `digests`. TAG_RELEASED: the tag is immutable. MANIFEST_REFERENCED: an index or a released tag needs the
 * manifest; details hold `digests` of the indexes. NAME_TAKEN: a tag or a repository
 * has the name already. READ_ONLY: nothing can be pushed there. UPSTREAM_FAILED: it would
 * have to come from another registry, which does not give it. TOO_MANY: as many uploads, blobs, manifests or tags as
 * can be kept in memory.
 */
export type RegistryErrorCode =
  | 'REPOSITORY_UNREADABLE'
  | 'UPLOAD_UNKNOWN'
  | 'UPLOAD_OFFSET'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'TAG_RELEASED'
  | 'MANIFEST_REFERENCED'
  | 'NAME_TAKEN'
  | 'READ_ONLY'
  | 'UPSTREAM_FAILED'
  | 'TOO_MANY';

export class RegistryError extends CodedError<RegistryErrorCode> {}
