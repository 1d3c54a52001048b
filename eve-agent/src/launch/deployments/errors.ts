import { CodedError } from '@local-datastore/shared/errors';

export type DeploymentErrorCode =
  /** Who asks may not. */
  | 'NOT_PERMITTED'
  | 'DEPLOYMENT_UNKNOWN'
  /** The configuration says what cannot be done. */
  | 'DEPLOYMENT_UNUSABLE'
  | 'OPERATION_RUNNING'
  | 'IMAGE_TOO_LARGE'
  /** The operation needs a version that is not there. */
  | 'NOTHING_DEPLOYED'
  | 'NOTHING_TO_PULL'
  /** What is to be put down beforehand cannot be. */
  | 'STATE_UNWRITABLE';

/** An operation that is not begun. */
export class DeploymentError extends CodedError<DeploymentErrorCode> {}
