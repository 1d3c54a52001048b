// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { CodedError, type ErrorDetails, errorMessage } from '../errors.ts';
import { jsonLine } from '../text/json-text.ts';

/** Why a command that was to print JSON failed. */
export interface Failure {
  readonly error: {
    /** One that stays the same over versions where it was raised on purpose; else the name of the error. */
    readonly code: string;
    readonly message: string;
    /** The same call may succeed later without anybody changing anything. */
    readonly retryable: boolean;
    readonly details: ErrorDetails;
  };
}

/** An error for programs: one JSON object on one line. */
export function failureLine(error: unknown): string {
  const facts =
    error instanceof CodedError
      ? { code: error.code, retryable: error.retryable, details: error.details }
      : { code: error instanceof Error ? error.name : 'Error', retryable: false, details: {} };
  const failure: Failure = { error: { ...facts, message: errorMessage(error) } };
  return jsonLine(failure);
}

/** Whether a command, or one below it, was told to print JSON. */
export const isJsonWanted = (command: Command): boolean =>
  command.opts().json === true || command.commands.some(isJsonWanted);
