// SPDX-License-Identifier: Apache-2.0
import type { EngineError } from '@local-datastore/shared/engine/engine-client';
import type { ConfigurationError } from '@local-datastore/shared/errors';
import { CodedError } from '@local-datastore/shared/errors';
import type { Problem } from '@local-datastore/shared/http/problem';
import type { SpaceError, TargetError } from '../content/errors.ts';
import type { DiscoveryErrorCode } from '../discovery/discovery-error.ts';
import { type DeploymentErrorCode, OperationFailure } from '../launch/deployments/errors.ts';
import type { LoadImageErrorCode } from '../launch/engine/load-image-error.ts';
import type { LogError } from '../launch/engine/log-stream.ts';
import type { ImageStreamErrorCode } from '../launch/image-stream/image-stream-error.ts';
import type { RunArgumentsErrorCode } from '../launch/run-args/errors.ts';
import type { KeptCode, SwitchError } from '../launch/switch/errors.ts';
import type { RegistryError } from '../registry/errors.ts';
import type { ContentError, TransferError } from '../transfer/errors.ts';
import type { UploadError } from './upload-body.ts';

/** All that an operation on a deployment may fail by. */
export type DeploymentProblemCode =
  | DeploymentErrorCode
  | EngineError['code']
  | ImageStreamErrorCode
  | KeptCode
  | LoadImageErrorCode
  | LogError['code']
  | RunArgumentsErrorCode
  | SwitchError['code']
  | UploadError['code']
  // Of what is pulled.
  | (ContentError | RegistryError | SpaceError | TargetError | TransferError)['code']
  | DiscoveryErrorCode
  | ConfigurationError['code'];

/** The one place that says which error of a deployment is answered with which status. */
const STATUS_OF = {
  NOT_PERMITTED: 403,
  DEPLOYMENT_UNKNOWN: 404,
  DEPLOYMENT_UNUSABLE: 422,
  OPERATION_RUNNING: 409,
  IMAGE_TOO_LARGE: 413,
  NOTHING_DEPLOYED: 409,
  NOTHING_TO_PULL: 422,
  STATE_UNWRITABLE: 507,
  SERVICE_ENDING: 503,
  ENGINE_UNREACHABLE: 503,
  ENGINE_AWAY: 503,
  ENGINE_REFUSED: 422,
  ENGINE_NO_SPACE: 507,
  IMAGE_DIFFERS: 422,
  IMAGE_MISSING: 422,
  EXITED: 422,
  UNHEALTHY: 422,
  CANCELLED: 503,
  CONFLICT: 409,
  NAME_INVALID: 422,
  NOT_DEPLOYED: 409,
  NOTHING_TO_ROLL_BACK: 409,
  LOG_INVALID: 502,
  ARCHIVE_EMPTY: 422,
  ARCHIVE_UNKNOWN: 422,
  ARCHIVE_CUT_OFF: 422,
  ARCHIVE_DAMAGED: 422,
  ARCHIVE_UNSAFE: 422,
  ARCHIVE_TOO_LARGE: 413,
  ARCHIVE_ENCODING: 422,
  NO_IMAGE: 422,
  SEVERAL_IMAGES: 422,
  MANIFEST_INVALID: 422,
  CONFIG_INVALID: 422,
  CONFIG_DAMAGED: 422,
  LAYER_DAMAGED: 422,
  LAYER_MISSING: 422,
  LAYER_COUNT: 422,
  PLATFORM_MISMATCH: 422,
  NO_SPACE: 507,
  ARGUMENT_UNKNOWN: 422,
  ARGUMENT_REFUSED: 422,
  ARGUMENT_INVALID: 422,
  UPLOAD_STALLED: 408,
  REFERENCE_INVALID: 422,
  URL_INVALID: 422,
  CONFIGURATION_INVALID: 422,
  IMAGE_NOT_FOUND: 422,
  PLATFORM_NOT_FOUND: 422,
  ACCESS_DENIED: 422,
  DATASTORE_NOT_FOUND: 502,
  CONNECTION_FAILED: 502,
  CONNECTION_LOST: 502,
  STALLED: 502,
  HTTP_STATUS: 502,
  RESPONSE_INVALID: 502,
  REDIRECT_REFUSED: 502,
  DIGEST_MISMATCH: 502,
  SIZE_MISMATCH: 502,
  NO_BRIDGE: 503,
  MDNS_UNAVAILABLE: 503,
  TARGET_BUSY: 409,
  TARGET_UNWRITABLE: 507,
} satisfies Record<DeploymentProblemCode, number>;

const isForeseen = (code: string): code is DeploymentProblemCode => Object.hasOwn(STATUS_OF, code);

/** An error of an operation as a problem document; undefined: nobody foresaw it. */
export function deploymentProblem(error: unknown): Problem | undefined {
  if (!(error instanceof CodedError) || !isForeseen(error.code)) return undefined;
  const { code, message: detail, details } = error;
  const failure = error instanceof OperationFailure ? { logs: error.logs, serving: error.serving } : {};
  return { status: STATUS_OF[code], detail, code, extensions: { why: detail, ...details, ...failure } };
}
