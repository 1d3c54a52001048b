// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:os';
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import { CodedError, type ConfigurationError } from '@local-datastore/shared/errors';
import type { AgentApiError } from '../api/client-errors.ts';
import type { AddressError } from '../api/listen.ts';
import type { SpaceError, TargetError } from '../content/errors.ts';
import type { DiscoveryErrorCode } from '../discovery/discovery-error.ts';
import type { RegistryError } from '../registry/errors.ts';
import type { ContentError, TransferError } from '../transfer/errors.ts';
import type { OperationError } from './deploy/errors.ts';

type AgentErrorCode =
  | (ConfigurationError | ContentError | RegistryError | SpaceError | TargetError | TransferError)['code']
  | AgentApiError['code']
  | AddressError['code']
  | OperationError['code']
  | DiscoveryErrorCode;

/** The one place that says which error ends the program with which code. */
const EXIT_CODE_OF = {
  CONFIGURATION_INVALID: EXIT_CODES.usage,
  URL_INVALID: EXIT_CODES.usage,
  NO_BRIDGE: EXIT_CODES.usage,
  MDNS_UNAVAILABLE: EXIT_CODES.usage,
  DATASTORE_NOT_FOUND: EXIT_CODES.datastoreNotFound,
  CONNECTION_FAILED: EXIT_CODES.transferFailed,
  CONNECTION_LOST: EXIT_CODES.transferFailed,
  STALLED: EXIT_CODES.transferFailed,
  HTTP_STATUS: EXIT_CODES.transferFailed,
  RESPONSE_INVALID: EXIT_CODES.transferFailed,
  REDIRECT_REFUSED: EXIT_CODES.transferFailed,
  TARGET_BUSY: EXIT_CODES.transferFailed,
  TARGET_UNWRITABLE: EXIT_CODES.transferFailed,
  DIGEST_MISMATCH: EXIT_CODES.contentMismatch,
  SIZE_MISMATCH: EXIT_CODES.contentMismatch,
  NO_SPACE: EXIT_CODES.noSpace,
  REFERENCE_INVALID: EXIT_CODES.usage,
  IMAGE_NOT_FOUND: EXIT_CODES.transferFailed,
  PLATFORM_NOT_FOUND: EXIT_CODES.transferFailed,
  ACCESS_DENIED: EXIT_CODES.transferFailed,
  MANIFEST_INVALID: EXIT_CODES.transferFailed,
  AGENT_UNREACHABLE: EXIT_CODES.usage,
  AGENT_REFUSED: EXIT_CODES.usage,
  OPERATION_FAILED: EXIT_CODES.transferFailed,
  OPERATION_CONTENT: EXIT_CODES.contentMismatch,
  OPERATION_NO_SPACE: EXIT_CODES.noSpace,
  // Not 2, after which the service is not started again.
  ADDRESS_UNAVAILABLE: EXIT_CODES.unexpected,
} satisfies Record<AgentErrorCode, number>;

/** The reason of an abort: the process was told to end. */
export class StoppedBySignal extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`stopped by ${signal}`);
    this.name = 'StoppedBySignal';
    this.signal = signal;
  }
}

/** Ends the program with an exit code when the result on stdout has said all there is to say. */
export class EndWithExitCode extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`ended with ${exitCode}`);
    this.name = 'EndWithExitCode';
    this.exitCode = exitCode;
  }
}

/** 128 + the signal's number, as a shell says it. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** What the program ends with after an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof StoppedBySignal) return exitCodeOfSignal(error.signal);
  const isForeseen = error instanceof CodedError && Object.hasOwn(EXIT_CODE_OF, error.code);
  return isForeseen ? EXIT_CODE_OF[error.code as AgentErrorCode] : EXIT_CODES.unexpected;
}
