// SPDX-License-Identifier: Apache-2.0
import type { Problem } from '@local-datastore/shared/http/problem';
import { ManifestError } from '@local-datastore/shared/oci/manifest';
import { ArchiveError } from '../archive-imports/archive-error.ts';
import { ExportError, type ExportErrorCode } from '../archives/export-image.ts';
import { RegistryError, type RegistryErrorCode } from '../blobs/registry-error.ts';
import { ParserUnavailableError } from '../parsing/file-parser.ts';
import { ImportJobError } from '../registry-imports/job-failure.ts';

/** The one place that says which failure of the registry is which status of the API. */
export const OF_REGISTRY: Readonly<Record<RegistryErrorCode, number>> = {
  REPOSITORY_UNREADABLE: 503,
  UPLOAD_UNKNOWN: 404,
  UPLOAD_OFFSET: 416,
  MANIFEST_BLOB_UNKNOWN: 409,
  TAG_RELEASED: 409,
  MANIFEST_REFERENCED: 409,
  NAME_TAKEN: 409,
  READ_ONLY: 409,
  UPSTREAM_FAILED: 502,
  TOO_MANY: 429,
};
export const OF_EXPORT: Readonly<Record<ExportErrorCode, number>> = {
  IMAGE_UNKNOWN: 404,
  PLATFORM_UNKNOWN: 404,
  NOT_LOADABLE: 409,
  CONTENT_MISSING: 409,
};

const OF_IMPORTS: Readonly<Record<ImportJobError['code'], number>> = {
  JOB_UNKNOWN: 404,
  JOB_STATE: 409,
  TOO_MANY_JOBS: 429,
};

/** What a failure of the registry is to a client of the API; undefined for everything else. */
export function registryProblem(error: unknown): Problem | undefined {
  if (error instanceof RegistryError) {
    return { status: OF_REGISTRY[error.code], code: error.code, detail: error.message };
  }
  if (error instanceof ExportError) {
    return { status: OF_EXPORT[error.code], code: error.code, detail: error.message };
  }
  if (error instanceof ParserUnavailableError) {
    return { status: 503, code: 'IMAGE_UNREADABLE', detail: `The archive cannot be read: ${error.message}.` };
  }
  if (error instanceof ArchiveError) return { status: 400, code: error.code, detail: error.message };
  if (error instanceof ImportJobError) {
    return { status: OF_IMPORTS[error.code], code: error.code, detail: error.message };
  }
  if (error instanceof ManifestError) return { status: 409, code: error.code, detail: error.message };
  return undefined;
}
