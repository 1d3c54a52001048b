// SPDX-License-Identifier: Apache-2.0
/** JSON-safe facts about an error, with units in the names (`sizeBytes`, `timeoutMs`). Never a secret. */
export type ErrorDetails = Record<string, string | number | boolean | null | readonly string[]>;

export interface ErrorOptions {
  /** True when the same call may succeed later without anybody changing anything. Default false. */
  readonly retryable?: boolean;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/**
 * The base of every error this project raises on purpose. Each area derives one class whose `code` is a
 * union of literals; where a library is touched, its errors are wrapped with the original as `cause`.
 */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly retryable: boolean;
  readonly details: ErrorDetails;

  constructor(code: Code, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

/** A flag, an environment variable or a file that holds what it must not. Exit code 2. */
export class ConfigurationError extends CodedError<'CONFIGURATION_INVALID'> {
  constructor(message: string, options: ErrorOptions = {}) {
    super('CONFIGURATION_INVALID', message, options);
  }
}

/** The `code` of a system error such as `ENOENT`, or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
