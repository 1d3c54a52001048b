import type { Log } from '@local-datastore/shared/log';
import type { FinishedRequest } from '../activity/finished-request.ts';

/** none; images: requests for images, and all that change something; all: also the page, health and metrics. */
export const ACCESS_LOG_CHOICES = ['none', 'images', 'all'] as const;
export type AccessLogChoice = (typeof ACCESS_LOG_CHOICES)[number];

const READ_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Writes one structured line a request. */
export function createAccessLog(
  { log }: { readonly log: Log },
  choice: AccessLogChoice,
): (request: FinishedRequest) => void {
  return (request) => {
    const isWanted =
      choice === 'all' ||
      (choice === 'images' && (request.kind === 'image' || !READ_METHODS.has(request.method)));
    if (!isWanted) return;
    const { kind: _, durationMs, ...fields } = request;
    log.info({ ...fields, durationMs: Math.round(durationMs * 10) / 10 }, 'request');
  };
}
