// SPDX-License-Identifier: Apache-2.0
import { sizeText } from '@local-datastore/shared/text/quantities';
import type { ImportJob } from '../api/registry-answers.ts';

/** Beyond these only what runs is shown. */
const MAX_ENDED = 10;

export const hasEnded = ({ state }: Pick<ImportJob, 'state'>): boolean =>
  state !== 'queued' && state !== 'running';

export const isMoving = (jobs: readonly ImportJob[]): boolean => jobs.some((job) => !hasEnded(job));

/** What a person wants to see: all that run, and the latest that have ended. */
export function shownImports(jobs: readonly ImportJob[]): readonly ImportJob[] {
  let ended = 0;
  return jobs.filter((job) => {
    if (!hasEnded(job)) return true;
    ended += 1;
    return ended <= MAX_ENDED;
  });
}

/** What an import is called. */
export const importName = ({ repository, tag, tags }: ImportJob): string =>
  tag === null ? `${repository}${tags.length > 0 ? ` (${tags.join(', ')})` : ''}` : `${repository}:${tag}`;

/** How far an import is, or what came of it. */
export function progressSentence(job: ImportJob, bytesPerSecond: number | undefined): string {
  const { state, step, sizeBytes, doneBytes, fetchedBytes, imagesTotal, imagesDone } = job;
  const tags = imagesTotal > 1 ? [`${imagesDone} of ${imagesTotal} tags`] : [];
  if (state === 'queued') return 'waits for others';
  if (state === 'done') {
    const came = fetchedBytes === sizeBytes ? [] : [`${sizeText(fetchedBytes)} of it came`];
    return [...tags, sizeText(sizeBytes), ...came].join(', ');
  }
  if (state !== 'running') return tags.join('');
  if (sizeBytes === 0) return [...tags, step ?? 'begins'].join(', ');
  const rate = bytesPerSecond === undefined ? [] : [`${sizeText(Math.round(bytesPerSecond))}/s`];
  const isLast = doneBytes === sizeBytes && step !== null;
  return [...tags, `${sizeText(doneBytes)} of ${sizeText(sizeBytes)}`, ...(isLast ? [step] : rate)].join(
    ', ',
  );
}
