// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import type { KeptCode } from '../switch/errors.ts';

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
  /** Neither the request nor the configuration names an image. */
  | 'NOTHING_TO_PULL'
  /** What is to be put down beforehand cannot be. */
  | 'STATE_UNWRITABLE'
  /** The service ends. */
  | 'SERVICE_ENDING';

/** An operation that is not begun. */
export class DeploymentError extends CodedError<DeploymentErrorCode> {}

/** An operation that was taken back: what was there before serves on. */
export class OperationFailure extends CodedError<KeptCode> {
  /** The last lines of the container that failed. */
  readonly logs: readonly string[];
  /** The tag of the image that serves; null: none does. */
  readonly serving: string | null;

  constructor(code: KeptCode, message: string, logs: readonly string[], serving: string | null) {
    super(code, message);
    this.logs = logs;
    this.serving = serving;
  }
}
