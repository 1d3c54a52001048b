import { CodedError, errorMessage } from '@local-datastore/shared/errors';

/** What a failure means for the next try. */
export interface Judgement {
  readonly code: string;
  readonly message: string;
  /** What failed: the way to the datastore, for every file in it, or this one file. */
  readonly scope: 'origin' | 'source';
  readonly remedy: /** Soon again, then less often. */
    | 'retry'
    /** At the steady interval: it will not heal in seconds. */
    | 'retry-steadily'
    /** Again, up to a number of times; another responder under the same name if there is one. */
    | 'mismatch'
    /** When the configuration changes, or a person says so. */
    | 'wait-for-change';
  readonly retryAfterMs: number;
}

type Verdict = Pick<Judgement, 'scope' | 'remedy'>;

const VERDICTS: Readonly<Record<string, Verdict>> = {
  DATASTORE_NOT_FOUND: { scope: 'origin', remedy: 'retry' },
  NO_BRIDGE: { scope: 'origin', remedy: 'retry' },
  MDNS_UNAVAILABLE: { scope: 'origin', remedy: 'retry-steadily' },
  CONNECTION_FAILED: { scope: 'origin', remedy: 'retry' },
  CONNECTION_LOST: { scope: 'source', remedy: 'retry' },
  STALLED: { scope: 'source', remedy: 'retry' },
  HTTP_STATUS: { scope: 'source', remedy: 'wait-for-change' },
  RESPONSE_INVALID: { scope: 'source', remedy: 'retry-steadily' },
  REDIRECT_REFUSED: { scope: 'source', remedy: 'retry-steadily' },
  DIGEST_MISMATCH: { scope: 'source', remedy: 'mismatch' },
  SIZE_MISMATCH: { scope: 'source', remedy: 'mismatch' },
  NO_SPACE: { scope: 'source', remedy: 'retry-steadily' },
  TARGET_BUSY: { scope: 'source', remedy: 'retry' },
  TARGET_UNWRITABLE: { scope: 'source', remedy: 'retry-steadily' },
  URL_INVALID: { scope: 'source', remedy: 'wait-for-change' },
};
const UNFORESEEN: Verdict = { scope: 'source', remedy: 'retry-steadily' };

function verdictOf(error: CodedError): Verdict {
  // 5xx, 408, 425 and 429.
  if (error.code === 'HTTP_STATUS' && error.retryable) return { scope: 'source', remedy: 'retry' };
  // A certificate that does not verify: a new one may come, but not within seconds.
  if (error.code === 'CONNECTION_FAILED' && !error.retryable)
    return { scope: 'origin', remedy: 'retry-steadily' };
  return VERDICTS[error.code] ?? UNFORESEEN;
}

/** The one place that says what follows from which error of a download. */
export function judgeFailure(error: unknown): Judgement {
  const message = errorMessage(error);
  if (!(error instanceof CodedError)) {
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
