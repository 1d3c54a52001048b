// SPDX-License-Identifier: Apache-2.0
import { jsonLine, jsonText } from '@local-datastore/shared/text/json-text';
import { terminalText } from '@local-datastore/shared/text/printable-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import type { CommandContext } from '../command-context.ts';
import type { FollowedJob } from './follow-imports.ts';

/** How imports are shown while they run. */
export interface ImportView {
  look(job: FollowedJob): void;
  /** What stands for itself: a line that stays. */
  say(sentence: string): void;
  /** Takes away what is written over and over. */
  clear(): void;
}

const CLEAR_LINE = '\r\u001b[K';
/** A line is written at most so often where it cannot be written over. */
const LINE_INTERVAL_MS = 5000;

/** What an import is called while it runs and in the end. */
export const jobName = ({ repository, tag, tags, source }: FollowedJob): string =>
  tag === null ? `${repository} (${tags.length > 0 ? tags.join(', ') : source})` : `${repository}:${tag}`;

/** Such as `lab/app:1  34 %, 120 MiB of 350 MiB, 12 MiB/s`. */
export function progressText(job: FollowedJob, bytesPerSecond: number | undefined): string {
  const { state, step, sizeBytes, doneBytes, imagesTotal, imagesDone } = job;
  const what = state === 'queued' ? 'waits' : (step ?? state);
  const part = sizeBytes === 0 ? 0 : Math.floor((doneBytes / sizeBytes) * 100);
  const facts = [
    ...(imagesTotal > 1 ? [`${imagesDone} of ${imagesTotal} tags`] : []),
    ...(sizeBytes === 0 ? [what] : [`${part} %`, `${sizeText(doneBytes)} of ${sizeText(sizeBytes)}`]),
    ...(bytesPerSecond === undefined || state !== 'running'
      ? []
      : [`${sizeText(Math.round(bytesPerSecond))}/s`]),
  ];
  return `${jobName(job)}  ${facts.join(', ')}`;
}

/** What came of an import, as one line. */
export function outcomeText(job: FollowedJob): string {
  const { state, failure, digest, sizeBytes, fetchedBytes, imagesDone } = job;
  if (state !== 'done')
    return `${jobName(job)}  ${state}: ${failure?.message ?? 'it did not come to its end'}`;
  const what = digest ?? `${imagesDone} tags`;
  return `${jobName(job)}  ${what}  ${sizeText(sizeBytes)}, of which ${sizeText(fetchedBytes)} came`;
}

/** @param isJson progress as lines of JSON */
export function createImportView(
  { stderr, terminal }: Pick<CommandContext, 'stderr' | 'terminal'>,
  isJson: boolean,
  nowMs: () => number = () => performance.now(),
): ImportView {
  const last = new Map<string, { atMs: number; doneBytes: number; text: string }>();

  const clear = () => {
    if (!isJson) terminal?.write(CLEAR_LINE);
  };

  function look(job: FollowedJob): void {
    const before = last.get(job.id);
    const atMs = nowMs();
    const isDue = terminal !== undefined || before === undefined || atMs - before.atMs >= LINE_INTERVAL_MS;
    if (!isDue) return;
    const rate = before && ((job.doneBytes - before.doneBytes) / Math.max(1, atMs - before.atMs)) * 1000;
    const text = progressText(job, rate);
    last.set(job.id, { atMs, doneBytes: job.doneBytes, text });
    if (isJson) {
      const { blobs: _blobs, ...told } = job;
      stderr.write(jsonLine(told));
    } else if (terminal !== undefined) {
      terminal.write(`${CLEAR_LINE}${terminalText(text).slice(0, terminal.columns - 1)}`);
    } else if (text !== before?.text) stderr.write(`${text}\n`);
  }

  return {
    look,
    clear,
    say(sentence) {
      clear();
      if (!isJson) stderr.write(`${sentence}\n`);
    },
  };
}

/** A job as a result: without what is of use only while it runs. */
export function jobDocument(job: FollowedJob): object {
  const { blobs: _blobs, step: _step, ...document } = job;
  return document;
}

export const jobsText = (jobs: readonly FollowedJob[]): string =>
  jsonText({
    imports: jobs.map(jobDocument),
    failed: jobs.filter(({ state }) => state !== 'done').length,
  });
