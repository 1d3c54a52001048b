// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/** A deployment that cannot be changed so, before anything was done. */
export class SwitchError extends CodedError<
  'CONFLICT' | 'NAME_INVALID' | 'NOT_DEPLOYED' | 'NOTHING_TO_ROLL_BACK'
> {}

/** Why the version that was there serves on. */
export type KeptCode =
  /** The image is not there, or another one has its tag. */
  | 'IMAGE_MISSING'
  /** The engine does not make or start what is asked for: an argument, a port that is taken. */
  | 'ENGINE_REFUSED'
  /** It ended, or was started again. */
  | 'EXITED'
  /** It runs, and is not what its check expects. */
  | 'UNHEALTHY'
  /** The engine went away in the middle, or did not come back. */
  | 'ENGINE_AWAY'
  /** Whoever asked for it called it off. */
  | 'CANCELLED';

/** What ends an operation on its way; what it has begun is taken back. */
export class SwitchFailure extends CodedError<KeptCode> {
  /** The last lines of the container that failed. */
  readonly logs: readonly string[];

  constructor(code: KeptCode, message: string, logs: readonly string[] = [], cause?: unknown) {
    super(code, message, { cause });
    this.logs = logs;
  }
}
