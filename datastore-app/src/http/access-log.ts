// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import type { FinishedRequest } from '../activity/finished-request.ts';

/**
 * none; notable: what changes something, fails, is cut, or carries much of an image; images: all requests for
 * images of either kind, and all that change something; all: also the page, health and metrics.
 */
export const ACCESS_LOG_CHOICES = ['none', 'notable', 'images', 'all'] as const;
export type AccessLogChoice = (typeof ACCESS_LOG_CHOICES)[number];

const READ_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** A device's download is worth a line; a line for each of thousands of small files would cost more than they do. */
const NOTABLE_BYTES = 1024 * 1024;

function isWanted(choice: AccessLogChoice, request: FinishedRequest): boolean {
  const { kind, method, status, sentBytes, isComplete } = request;
  if (choice === 'none' || choice === 'all') return choice === 'all';
  if (!READ_METHODS.has(method)) return true;
  if (kind === 'own') return false;
  return choice === 'images' || status >= 400 || !isComplete || sentBytes >= NOTABLE_BYTES;
}

/** Writes one structured line a request. */
export function createAccessLog(
  { log }: { readonly log: Log },
  choice: AccessLogChoice,
): (request: FinishedRequest) => void {
  return (request) => {
    if (!isWanted(choice, request)) return;
    const { kind: _, durationMs, ...fields } = request;
    log.info({ ...fields, durationMs: Math.round(durationMs * 10) / 10 }, 'request');
  };
}
