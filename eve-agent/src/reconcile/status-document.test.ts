// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest';
import { type Actual, createActual, type Failure, originStateOf, sourceStateOf } from './actual.ts';
import { adoptDesired } from './adopt-desired.ts';
import type { Desired, DesiredTree } from './desired.ts';
import { statusDocument } from './status-document.ts';
import { desiredOf, sha256Of, treeOf, uuidOf } from './test-fixtures.ts';

const failureAt = (atMs: number, message: string): Failure => ({
  ...{ code: 'STALLED' as const, message, atMs },
  severity: 'SEVERITY_NOTICE',
});

let actual: Actual;
let desired: Desired;

beforeEach(() => {
  actual = createActual();
  // The second tree has the content of the first, and states another size for it.
  desired = desiredOf([
    treeOf(1),
    treeOf(2, { sha256: sha256Of('content 1'), maxSizeBytes: '999' }),
    treeOf(3),
  ]);
  adoptDesired(actual, desiredOf([]), desired, { nowMs: 0, wallMs: 0 });
});

const treeIn = (number: number) => desired.trees.get(uuidOf(number)) as DesiredTree;
function fail(number: number, failure: Failure) {
  const { sha256, sources } = treeIn(number);
  const content = actual.contents.get(sha256 ?? '');
  if (content === undefined) throw new Error(`no content ${number}`);
  content.failure = sourceStateOf(content, sources[0]?.key ?? '').failure = failure;
}
function failOrigin(failure: Failure, unanswered = 0) {
  const [source] = treeIn(1).sources;
  if (source === undefined) throw new Error('no source');
  const origin = originStateOf(actual, source);
  origin.failure = failure;
  for (let i = 0; i < unanswered; i += 1) origin.unanswered.add(String(i));
}
const statusOf = (number: number) =>
  statusDocument(treeIn(number), {
    ...{ actual, refCount: 1, lackOf: () => undefined, fileLocation: '', linkFailure: undefined },
    ...{ configuredAtMs: 0, nowMs: 0, wallMs: 10_000 },
  });
const errorOf = (number: number) => statusOf(number).Error;

describe('the error of a tree', () => {
  it('is its own, never that of another one with the same content or datastore', () => {
    fail(1, failureAt(5000, 'of tree 1'));
    expect([1, 2, 3].map(errorOf)).toEqual(['of tree 1', '', '']);
    fail(2, failureAt(6000, 'of tree 2'));
    expect([1, 2, 3].map(errorOf)).toEqual(['of tree 1', 'of tree 2', '']);
  });

  it('is that of its datastore where that is gone since', () => {
    fail(1, failureAt(5000, 'of tree 1'));
    failOrigin(failureAt(4000, 'gone'));
    expect([1, 3].map(errorOf)).toEqual(['of tree 1', 'gone']);
    failOrigin(failureAt(6000, 'gone'));
    expect([1, 3].map(errorOf)).toEqual(['gone', 'gone']);
  });

  it('stays its own where the datastore only counts as failed since several files had no answer', () => {
    fail(1, failureAt(5000, 'of tree 1'));
    failOrigin(failureAt(6000, 'several files'), 3);
    expect([1, 3].map(errorOf)).toEqual(['of tree 1', 'several files']);
  });

  it('is over once something of it arrives', () => {
    fail(1, failureAt(5000, 'of tree 1'));
    const content = actual.contents.get(sha256Of('content 1'));
    if (content !== undefined) content.failure = null;
    expect(errorOf(1)).toBe('');
  });
});

describe('when it goes on', () => {
  const waitFor = (number: number, waitUntilMs: number, failure: Failure) => {
    fail(number, failure);
    const content = actual.contents.get(treeIn(number).sha256 ?? '');
    for (const state of content?.sources.values() ?? []) state.waitUntilMs = waitUntilMs;
    return statusOf(number).ErrorRetryCondition;
  };
  const refused = { ...failureAt(5000, '404'), severity: 'SEVERITY_ERROR' } as const;
  const at = '1970-01-01T00:01:40.000Z';

  it('is said by the time, and by what may come before it', () => {
    expect(waitFor(1, 90_000, failureAt(5000, 'lost'))).toBe(`tries again at ${at}`);
    expect(waitFor(1, 90_000, refused)).toBe(
      `tries again at ${at}, at once when its datastore announces itself, or with "eve-agent retry"`,
    );
    expect(waitFor(1, 0, refused)).toBe('');
    expect(waitFor(1, 0, { ...failureAt(5000, 'slow'), code: 'TOO_SLOW' })).toBe(
      'goes on when nobody else needs its slot',
    );
  });
});
