// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { ImportJob } from '../api/registry-answers.ts';
import { importName, isMoving, progressSentence, shownImports } from './import-list.ts';

const JOB: ImportJob = {
  ...{ id: '1', source: 'docker://r.example/lab/app:1', repository: 'lab/app', tag: '1', tags: [] },
  ...{ platforms: [], state: 'running', created: '2026-01-01T00:00:00Z', ended: null, failure: null },
  ...{ imagesTotal: 1, imagesDone: 0, sizeBytes: 2_000_000, doneBytes: 1_000_000, fetchedBytes: 0 },
  ...{ step: 'blobs', notes: [], blobs: [] },
};

it.each<[Partial<ImportJob>, string]>([
  [{ state: 'queued' }, 'waits for others'],
  [{}, '977 KiB of 1.9 MiB, 1 MiB/s'],
  [{ imagesTotal: 3, imagesDone: 1 }, '1 of 3 tags, 977 KiB of 1.9 MiB, 1 MiB/s'],
  [{ sizeBytes: 0, doneBytes: 0, step: 'manifests' }, 'manifests'],
  [{ doneBytes: 2_000_000, step: 'what is attached' }, '1.9 MiB of 1.9 MiB, what is attached'],
  [{ state: 'done', fetchedBytes: 2_000_000 }, '1.9 MiB'],
  [{ state: 'done', fetchedBytes: 0 }, '1.9 MiB, 0 bytes of it came'],
  [{ state: 'failed' }, ''],
])('%j is %j', (changes, sentence) => {
  expect(progressSentence({ ...JOB, ...changes }, 1024 * 1024)).toBe(sentence);
});

it('is called by its tag, or by the tags that are wanted', () => {
  expect(importName(JOB)).toBe('lab/app:1');
  expect(importName({ ...JOB, tag: null })).toBe('lab/app');
  expect(importName({ ...JOB, tag: null, tags: ['1.*', '2'] })).toBe('lab/app (1.*, 2)');
});

it('are shown as long as they run, and the last that have ended', () => {
  const ended = Array.from({ length: 30 }, (): ImportJob => ({ ...JOB, state: 'done' }));
  expect(shownImports([JOB, ...ended, JOB])).toHaveLength(12);
  expect([isMoving(ended), isMoving([JOB, ...ended])]).toEqual([false, true]);
});
