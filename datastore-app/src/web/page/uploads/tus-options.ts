// SPDX-License-Identifier: Apache-2.0
import { parseProblem } from '@local-datastore/shared/page/api-error';
import type { DetailedError, HttpRequest, HttpResponse, UploadOptions } from 'tus-js-client';
import { fingerprintOf, type UploadPlan } from './upload-plan.ts';

/** HEAD was answered with neither the offset nor that the upload is gone. */
class OffsetUnknownError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the datastore does not say how far the upload is (${status})`);
    this.status = status;
  }
}

/** Half a minute of quick tries, then one every ten seconds: a datastore may take minutes to come back. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000, 8000, 8000, ...Array<number>(360).fill(10_000)];
const GONE = [404, 410];

/** What went wrong with an upload. */
export interface UploadFailure {
  /** The HTTP status; 0: no answer. */
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string;
}

export function failureOf(error: Error | DetailedError): UploadFailure {
  if (!('originalResponse' in error)) return { status: 0, code: undefined, message: error.message };
  const { originalResponse, causingError } = error;
  if (causingError instanceof OffsetUnknownError) {
    return { status: causingError.status, code: undefined, message: causingError.message };
  }
  const status = originalResponse?.getStatus() ?? 0;
  const body = originalResponse?.getBody() ?? '';
  const { detail, code } = parseProblem(body);
  const plainText = body.length < 200 && !body.includes('<') ? body.trim() : '';
  const fallback = status === 0 ? 'The datastore does not answer.' : `The datastore answered ${status}.`;
  return { status, code, message: detail ?? (plainText || fallback) };
}

/** Whether trying again without anybody's help makes sense. */
export function isWorthRetry(status: number, method: string): boolean {
  // Another request holds the upload (423), or was quicker (409): a question about the offset clears it up.
  if (status === 409 || status === 423) return method !== 'POST';
  if (status === 507) return false;
  return status === 0 || status === 429 || status >= 500;
}

/** The options of tus-js-client for a plan; callbacks are the caller's. */
export function tusOptions(
  plan: UploadPlan,
  hooks: {
    writeToken(): string | undefined;
    onRetry(failure: UploadFailure): void;
  },
): UploadOptions {
  return {
    endpoint: '/-/api/v1/uploads',
    metadata: {
      path: plan.path,
      filename: plan.path.split('/').at(-1) ?? plan.path,
      ...(plan.sha256 !== undefined && { sha256: plan.sha256 }),
      ...(plan.isReplacing && { replace: 'true' }),
    },
    fingerprint: (file) => Promise.resolve(fingerprintOf(plan.path, file)),
    removeFingerprintOnSuccess: true,
    retryDelays: RETRY_DELAYS_MS,
    onBeforeRequest(request: HttpRequest) {
      const token = hooks.writeToken();
      if (token !== undefined) request.setHeader('Authorization', `Bearer ${token}`);
    },
    onAfterResponse(request: HttpRequest, response: HttpResponse) {
      // tus-js-client 4.3.1 begins a new upload whenever HEAD fails, also when the datastore is only starting,
      // and what has arrived would be lost.
      const status = response.getStatus();
      const isAnswer = (status >= 200 && status < 300) || GONE.includes(status);
      if (request.getMethod() === 'HEAD' && !isAnswer) throw new OffsetUnknownError(status);
    },
    onShouldRetry(error: DetailedError) {
      const failure = failureOf(error);
      const isRetried = isWorthRetry(failure.status, error.originalRequest.getMethod());
      if (isRetried) hooks.onRetry(failure);
      return isRetried;
    },
  };
}
