// SPDX-License-Identifier: Apache-2.0
import type { DownloadOptions } from './download-request.ts';

/** How long something is tried for, whoever tries it. */
export type Persistence = Pick<DownloadOptions, 'retry' | 'reconnectsWhenSlow'>;

/** For whoever plans around every failure: another datastore may be next. */
export const ONE_ATTEMPT: Persistence = { retry: { maxFailures: 0, maxDelayMs: 0 } };

/** For a person who waits, or a program in the place of one: nobody else tries again. */
export const SOME_ATTEMPTS: Persistence = {
  retry: { maxFailures: 5, maxDelayMs: 10_000 },
  reconnectsWhenSlow: true,
};
