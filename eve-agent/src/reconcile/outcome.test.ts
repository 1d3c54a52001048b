// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import { describe, expect, it } from 'vitest';
import { SpaceError } from '../content/errors.ts';
import { ContentError, TransferError } from '../transfer/errors.ts';
import { createActual, createContent, originStateOf, sourceStateOf } from './actual.ts';
import { judgeFailure } from './judge-failure.ts';
import {
  isSilent,
  recordDatastore,
  recordOriginFailure,
  recordResponse,
  recordSourceFailure,
} from './outcome.ts';
import { decideWaitMs } from './retry-schedule.ts';
import type { Source } from './source.ts';
import { desiredOf, treeOf, uuidOf } from './test-fixtures.ts';

const SCHEDULE = { steadyMs: 60_000, slowMs: 600_000 };
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

  it('count wrong digests by themselves, remember who lied, and ask slowly after five', () => {
    const content = createContent('ab', 0);
    const waits = ['10.1.0.5', '10.1.0.6', null, null, null].map((address) =>
      recordSourceFailure(content, source, mismatch, { hadProgress: true, address }, facts),
    );
    expect(waits).toEqual([1000, 2000, 4000, 8000, 600_000]);
    const { avoidedAddresses, mismatches, failures } = sourceStateOf(content, source.key);
    expect([[...avoidedAddresses], mismatches, failures]).toEqual([['10.1.0.5', '10.1.0.6'], 5, 0]);
    expect(content.failure?.severity).toBe('SEVERITY_ERROR');
  });

  it('make a 4xx wait for one to two slow intervals, as EVE does', () => {
    const content = createContent('ab', 0);
    const judgement = judgeFailure(new TransferError('HTTP_STATUS', 'x'));
    const waits = [0, 0.5, 1].map((random) =>
      recordSourceFailure(content, source, judgement, none, { ...facts, random }),
    );
    expect(waits).toEqual([600_000, 900_000, 1_200_000]);
    expect(content.failure?.severity).toBe('SEVERITY_ERROR');
  });

  it('leave a datastore alone that cannot be reached, until it answers', () => {
    const origin = originStateOf(createActual(), source);
    const missing = judgeFailure(new CodedError('DATASTORE_NOT_FOUND', 'x', { retryable: true }));
    expect([1, 2].map(() => recordOriginFailure(origin, missing, facts))).toEqual([1000, 2000]);
    expect(origin).toMatchObject({ status: 'unknown', failures: 2, waitUntilMs: 3000 });
    recordResponse(origin);
    expect(origin).toMatchObject({ status: 'reachable', failures: 0, waitUntilMs: 0, failure: null });
  });

  describe('of a datastore that gives no proper answer', () => {
    const silent = judgeFailure(
      new TransferError('CONNECTION_FAILED', 'x', { retryable: true, details: { reached: 'connection' } }),
    );
    const refused = judgeFailure(new TransferError('HTTP_STATUS', 'x'));
    const full = judgeFailure(new SpaceError('NO_SPACE', 'x'));
    const gone = judgeFailure(new TransferError('CONNECTION_FAILED', 'x', { retryable: true }));
    it.each([
      ['one file, however often', ['a', 'a', 'a', 'a'], null],
      ['two files in turns', ['a', 'b', 'a', 'b'], null],
      ['three different ones', ['a', 'b', 'c'], 1000],
      ['each after that', ['a', 'b', 'c', 'a'], 2000],
      ['three with an answer, though a refusal, in between', ['a', 'b', refused, 'c'], null],
      ['three with a fault of this host in between', ['a', 'b', full, 'c'], 1000],
      ['one, where the datastore cannot be reached', ['a', gone], 1000],
    ])('count %s', (_, outcomes, waitMs) => {
      const origin = originStateOf(createActual(), source);
      const waits = outcomes.map((each) =>
        typeof each === 'string'
          ? recordDatastore(origin, each, silent, facts)
          : recordDatastore(origin, 'z', each, facts),
      );
      expect(waits.at(-1)).toBe(waitMs);
      expect(origin.failure === null).toBe(waitMs === null);
    });
    it('are bounded, and over once it answers', () => {
      const origin = originStateOf(createActual(), source);
      for (let i = 0; i < 100; i += 1) recordDatastore(origin, String(i), silent, facts);
      expect([origin.unanswered.size, isSilent(origin)]).toEqual([3, true]);
      recordResponse(origin);
      expect(isSilent(origin)).toBe(false);
    });
  });
});
