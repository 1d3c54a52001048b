// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/**
 * - `ARGUMENT_UNKNOWN`: `docker run` has no such flag.
 * - `ARGUMENT_REFUSED`: it has, and a deployment must not have it.
 * - `ARGUMENT_INVALID`: its value is none, or it needs another one beside it.
 */
export type RunArgumentsErrorCode = 'ARGUMENT_UNKNOWN' | 'ARGUMENT_REFUSED' | 'ARGUMENT_INVALID';

/** Arguments that make no container. The message names the flag, and holds no value that may be a secret. */
export class RunArgumentsError extends CodedError<RunArgumentsErrorCode> {
  /** As `--publish`; null where no flag is meant. */
  readonly flag: string | null;

  constructor(code: RunArgumentsErrorCode, flag: string | null, message: string, cause?: unknown) {
    super(code, message, { details: { flag }, ...(cause !== undefined && { cause }) });
    this.flag = flag;
  }
}

/** Why a value is none of its flag's; whoever knows the flag makes a {@link RunArgumentsError} of it. */
export class ValueError extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'ValueError';
  }
}
