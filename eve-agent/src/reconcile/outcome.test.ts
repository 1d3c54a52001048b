import { CodedError } from '@local-datastore/shared/errors';
import { describe, expect, it } from 'vitest';
import { ContentError, TransferError } from '../download/errors.ts';
import { createActual, createContent, originStateOf, sourceStateOf, UNTIL_CHANGE } from './actual.ts';
import { judgeFailure } from './judge-failure.ts';
import { recordOriginFailure, recordResponse, recordSourceFailure } from './outcome.ts';
import { decideWaitMs } from './retry-schedule.ts';
import type { Source } from './source.ts';
import { desiredOf, treeOf, uuidOf } from './test-fixtures.ts';

const SCHEDULE = { steadyMs: 60_000 };
const facts = { schedule: SCHEDULE, maxMismatches: 5, nowMs: 1000, wallMs: 5_000_000, random: 0 };
const source = desiredOf([treeOf(1)]).trees.get(uuidOf(1))?.sources[0] as Source;

describe('the schedule', () => {
  it('is 1, 2, 4 … seconds, then steady', () => {
    const waits = Array.from({ length: 9 }, (_, i) => decideWaitMs(i + 1, SCHEDULE, 0));
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(decideWaitMs(5000, SCHEDULE, 0)).toBe(60_000);
  });
  it('shaves up to a quarter off, and honours what the server asks for', () => {
    expect(decideWaitMs(3, SCHEDULE, 1)).toBe(3000);
    expect(decideWaitMs(1, SCHEDULE, 0.5, 30_000)).toBe(30_000);
  });
});

describe('what follows from an error', () => {
  const status = (retryable: boolean, details = {}) =>
    new TransferError('HTTP_STATUS', 'x', { retryable, details });
  it.each([
    [new CodedError('DATASTORE_NOT_FOUND', 'x', { retryable: true }), 'origin', 'retry'],
    [new TransferError('CONNECTION_FAILED', 'x', { retryable: true }), 'origin', 'retry'],
    [new TransferError('CONNECTION_FAILED', 'certificate'), 'origin', 'retry-steadily'],
    [new TransferError('CONNECTION_LOST', 'x', { retryable: true }), 'source', 'retry'],
    [status(true, { retryAfterMs: 7 }), 'source', 'retry'],
    [status(false), 'source', 'wait-for-change'],
    [new ContentError('DIGEST_MISMATCH', 'x'), 'source', 'mismatch'],
    [new ContentError('SIZE_MISMATCH', 'x'), 'source', 'mismatch'],
    [new Error('x'), 'source', 'retry-steadily'],
  ])('%s: %s, %s', (error, scope, remedy) => {
    expect(judgeFailure(error)).toMatchObject({ scope, remedy, message: error.message });
  });
  it('takes over what the server asked for', () => {
    expect(judgeFailure(status(true, { retryAfterMs: 7 })).retryAfterMs).toBe(7);
  });
});

describe('the records', () => {
  const lost = judgeFailure(new TransferError('CONNECTION_LOST', 'x', { retryable: true }));
  const mismatch = judgeFailure(new ContentError('DIGEST_MISMATCH', 'x'));
  const none = { hadProgress: false, address: null };

  it('count failures in a row, and from one again after progress', () => {
    const content = createContent('ab', 0);
    const waits = [false, false, true].map((hadProgress) =>
      recordSourceFailure(content, source, lost, { hadProgress, address: null }, facts),
    );
    expect(waits).toEqual([1000, 2000, 1000]);
    expect(content).toMatchObject({
      retryCount: 3,
      failure: { code: 'CONNECTION_LOST', severity: 'SEVERITY_NOTICE' },
    });
    expect(sourceStateOf(content, source.key).waitUntilMs).toBe(2000);
  });

  it('count wrong digests by themselves, remember who lied, and give up after five', () => {
    const content = createContent('ab', 0);
    const waits = ['10.1.0.5', '10.1.0.6', null, null, null].map((address) =>
      recordSourceFailure(content, source, mismatch, { hadProgress: true, address }, facts),
    );
    expect(waits).toEqual([1000, 2000, 4000, 8000, UNTIL_CHANGE]);
    const { avoidedAddresses, mismatches, failures } = sourceStateOf(content, source.key);
    expect([[...avoidedAddresses], mismatches, failures]).toEqual([['10.1.0.5', '10.1.0.6'], 5, 0]);
    expect(content.failure?.severity).toBe('SEVERITY_ERROR');
  });

  it('make a 4xx wait for a change', () => {
    const content = createContent('ab', 0);
    const judgement = judgeFailure(new TransferError('HTTP_STATUS', 'x'));
    expect(recordSourceFailure(content, source, judgement, none, facts)).toBe(UNTIL_CHANGE);
  });

  it('leave a datastore alone that cannot be reached, until it answers', () => {
    const origin = originStateOf(createActual(), source);
    const missing = judgeFailure(new CodedError('DATASTORE_NOT_FOUND', 'x', { retryable: true }));
    expect([1, 2].map(() => recordOriginFailure(origin, missing, facts))).toEqual([1000, 2000]);
    expect(origin).toMatchObject({ status: 'unknown', failures: 2, waitUntilMs: 3000 });
    recordResponse(origin);
    expect(origin).toMatchObject({ status: 'reachable', failures: 0, waitUntilMs: 0, failure: null });
  });
});
