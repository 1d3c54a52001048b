// SPDX-License-Identifier: Apache-2.0
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { SpaceError, TargetError } from '../content/errors.ts';
import type { DiscoveryErrorCode } from '../discovery/discovery-error.ts';
import type { RegistryError } from '../registry/errors.ts';
import type { ContentError, TransferError } from '../transfer/errors.ts';
import type { Reached } from '../transfer/fetch-body.ts';

/** What a download, or the search before it, ends with on purpose. */
type DownloadErrorCode =
  | (ContentError | RegistryError | SpaceError | TargetError | TransferError)['code']
  | DiscoveryErrorCode;

/** What the service itself finds wrong. */
const OWN_CODES = [
  'CONFIGURATION_INVALID',
  /** Verified content is no longer what it was. */
  'CORRUPTED',
  'NOT_SUPPORTED',
  'TOO_SLOW',
  /** Everything that nobody foresaw. */
  'UNEXPECTED',
] as const;

/** Which of the project's failures it was, as EVE's status (`ErrorCode`) and the metrics name it. */
export type FailureCode = DownloadErrorCode | (typeof OWN_CODES)[number];

/** What a failure means for the next try. */
export interface Judgement {
  readonly code: FailureCode;
  readonly message: string;
  /** What it shows of the datastore. */
  readonly datastore: /** It is not there, or nobody gets in: no file can be had from it. */
    | 'gone'
    /** It was reached and gave no proper answer: this one file may be why, until several others fare alike. */
    | 'silent'
    | 'answered'
    /** Nothing: the fault is on this host. */
    | 'unknown';
  readonly remedy: /** Soon again, then less often. */
    | 'retry'
    /** At the steady interval: it will not heal in seconds. */
    | 'retry-steadily'
    /** Again, up to a number of times; another responder under the same name if there is one. */
    | 'mismatch'
    /** At the slow interval, as it was refused; at once when the datastore announces itself anew. */
    | 'retry-slowly';
  readonly retryAfterMs: number;
}

type Verdict = Pick<Judgement, 'datastore' | 'remedy'>;

const VERDICTS = {
  DATASTORE_NOT_FOUND: { datastore: 'gone', remedy: 'retry' },
  NO_BRIDGE: { datastore: 'gone', remedy: 'retry' },
  MDNS_UNAVAILABLE: { datastore: 'gone', remedy: 'retry-steadily' },
  CONNECTION_FAILED: { datastore: 'gone', remedy: 'retry' },
  CONNECTION_LOST: { datastore: 'answered', remedy: 'retry' },
  STALLED: { datastore: 'silent', remedy: 'retry' },
  HTTP_STATUS: { datastore: 'answered', remedy: 'retry-slowly' },
  RESPONSE_INVALID: { datastore: 'answered', remedy: 'retry-steadily' },
  REDIRECT_REFUSED: { datastore: 'answered', remedy: 'retry-steadily' },
  DIGEST_MISMATCH: { datastore: 'answered', remedy: 'mismatch' },
  SIZE_MISMATCH: { datastore: 'answered', remedy: 'mismatch' },
  NO_SPACE: { datastore: 'unknown', remedy: 'retry-steadily' },
  TARGET_BUSY: { datastore: 'unknown', remedy: 'retry' },
  TARGET_UNWRITABLE: { datastore: 'unknown', remedy: 'retry-steadily' },
  URL_INVALID: { datastore: 'unknown', remedy: 'retry-slowly' },
  REFERENCE_INVALID: { datastore: 'unknown', remedy: 'retry-slowly' },
  IMAGE_NOT_FOUND: { datastore: 'answered', remedy: 'retry-slowly' },
  PLATFORM_NOT_FOUND: { datastore: 'answered', remedy: 'retry-slowly' },
  ACCESS_DENIED: { datastore: 'answered', remedy: 'retry-slowly' },
  MANIFEST_INVALID: { datastore: 'answered', remedy: 'retry-slowly' },
} as const satisfies Record<DownloadErrorCode, Verdict>;

/** All that there are. */
export const FAILURE_CODES: readonly FailureCode[] = [
  ...(Object.keys(VERDICTS) as DownloadErrorCode[]),
  ...OWN_CODES,
];
const UNFORESEEN: Verdict = { datastore: 'unknown', remedy: 'retry-steadily' };

const SHOWN_BY: Readonly<Record<Reached, Verdict['datastore']>> = {
  nothing: 'gone',
  connection: 'silent',
  response: 'answered',
};

function verdictOf(error: CodedError<DownloadErrorCode>): Verdict {
  // 5xx, 408, 425 and 429.
  if (error.code === 'HTTP_STATUS' && error.retryable) return { datastore: 'answered', remedy: 'retry' };
  // A certificate that does not verify: a new one may come, but not within seconds.
  if (error.code === 'CONNECTION_FAILED' && !error.retryable)
    return { datastore: 'gone', remedy: 'retry-steadily' };
  const verdict = VERDICTS[error.code];
  const datastore = SHOWN_BY[error.details.reached as Reached];
  return datastore === undefined ? verdict : { ...verdict, datastore };
}

/** What it means that others went first, as a datastore sent too little. */
export function judgeSlowness(bytesPerSecond: number): Judgement {
  const message = `the datastore sends ${Math.round(bytesPerSecond)} bytes a second, less than --least-rate`;
  return { code: 'TOO_SLOW', message, datastore: 'answered', remedy: 'retry', retryAfterMs: 0 };
}

function isForeseenError(error: unknown): error is CodedError<DownloadErrorCode> {
  return error instanceof CodedError && Object.hasOwn(VERDICTS, error.code);
}

/** The one place that says what follows from which error of a download. */
export function judgeFailure(error: unknown): Judgement {
  const message = errorMessage(error);
  if (!isForeseenError(error)) {
    return { code: 'UNEXPECTED', message, ...UNFORESEEN, retryAfterMs: 0 };
  }
  const { retryAfterMs } = error.details;
  return {
    code: error.code,
    message,
    ...verdictOf(error),
    retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : 0,
  };
}
