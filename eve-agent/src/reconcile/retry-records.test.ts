// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest';
import { type Actual, createActual, originStateOf, sourceStateOf } from './actual.ts';
import { adoptDesired } from './adopt-desired.ts';
import type { Desired } from './desired.ts';
import { recallRetries, recordRetries, retryRecordsSchema } from './retry-records.ts';
import type { Source } from './source.ts';
import { datastoreIdOf, datastoreOf, desiredOf, sha256Of, treeOf } from './test-fixtures.ts';

const NOTHING = desiredOf([]);
const WALL_MS = 1_700_000_000_000;
const SCHEDULE = { steadyMs: 60_000, slowMs: 600_000 };
const failure = { code: 'HTTP_STATUS', message: '404', atMs: WALL_MS, severity: 'SEVERITY_ERROR' } as const;
const both = { dsIdsList: [datastoreIdOf(1), datastoreIdOf(2)] };
const datastores = [datastoreOf(1), datastoreOf(2)];
const contentIn = (actual: Actual, number = 1) => {
  const content = actual.contents.get(sha256Of(`content ${number}`));
  if (content === undefined) throw new Error(`no content ${number}`);
  return content;
};
const sourcesOf = (desired: Desired): Source[] =>
  [...desired.trees.values()].flatMap(({ sources }) => sources);

let before: Actual;
let desired: Desired;

function adopt(actual: Actual, next: Desired) {
  adoptDesired(actual, NOTHING, next, { nowMs: 0, wallMs: WALL_MS });
}
/** What a service knows that starts anew, by way of the file. */
function restart(next: Desired, { nowMs = 50, wallMs = WALL_MS } = {}): Actual {
  const records = recordRetries(before, desired, { nowMs: 0, wallMs: WALL_MS });
  const read = retryRecordsSchema.parse(JSON.parse(JSON.stringify(records)));
  const actual = createActual();
  adopt(actual, next);
  recallRetries(actual, next, read, SCHEDULE, { nowMs, wallMs });
  return actual;
}

beforeEach(() => {
  before = createActual();
  desired = desiredOf([treeOf(1, both), treeOf(2)], datastores);
  adopt(before, desired);
  const [first, second] = sourcesOf(desired);
  contentIn(before).retryCount = 7;
  Object.assign(sourceStateOf(contentIn(before), first?.key ?? ''), { waitUntilMs: 900_000, failure });
  const wrong = sourceStateOf(contentIn(before), second?.key ?? '');
  Object.assign(wrong, {
    mismatches: 3,
    waitUntilMs: 8000,
    slow: { bytesPerSecond: 12.5, turns: 2 },
    failure: { ...failure, code: 'DIGEST_MISMATCH' },
  });
  wrong.avoidedAddresses.add('10.1.0.66');
});

describe('what is known of failures', () => {
  it('comes back as it was', () => {
    const content = contentIn(restart(desired));
    expect(content).toMatchObject({ retryCount: 7, failure: { code: 'HTTP_STATUS' } });
    const [first, second] = [...content.sources.values()];
    expect(first).toMatchObject({ waitUntilMs: 900_050, failure });
    expect(second).toMatchObject({
      mismatches: 3,
      waitUntilMs: 8050,
      slow: { bytesPerSecond: 12.5, turns: 2 },
    });
    expect(second?.avoidedAddresses).toEqual(new Set(['10.1.0.66']));
  });

  it('is of nothing that never failed, and of nothing that nobody wants', () => {
    const now = { nowMs: 0, wallMs: WALL_MS };
    // A download that has just begun.
    sourceStateOf(contentIn(before, 2), 'key');
    expect(Object.keys(recordRetries(before, desired, now).contents)).toEqual([sha256Of('content 1')]);
    expect(recordRetries(before, desiredOf([treeOf(2)]), now)).toEqual({
      version: 1,
      contents: {},
      origins: {},
    });
  });

  it('lets who was under way when the program ended wait for those who had no turn yet', () => {
    desired = desiredOf([treeOf(1), treeOf(2), treeOf(3), treeOf(4)], datastores);
    before = createActual();
    adopt(before, desired);
    for (const [number, triedAtMs] of [
      [1, WALL_MS + 10],
      [2, WALL_MS + 5],
    ] as const) {
      contentIn(before, number).triedAtMs = triedAtMs;
    }
    const actual = restart(desired);
    const order = [1, 2, 3, 4].sort(
      (left, right) => contentIn(actual, left).waitingSinceMs - contentIn(actual, right).waitingSinceMs,
    );
    expect(order).toEqual([3, 4, 2, 1]);
  });

  it('is the same text while nothing happens', () => {
    const at = (ms: number) => recordRetries(before, desired, { nowMs: ms, wallMs: WALL_MS + ms });
    expect(at(700)).toEqual(at(0));
  });

  it('ends with the URL, the credential or the certificate of a source', () => {
    const moved = [datastoreOf(1, { dpath: 'moved' }), datastoreOf(2)];
    const content = contentIn(restart(desiredOf([treeOf(1, both)], moved)));
    expect([...content.sources.values()]).toMatchObject([{ mismatches: 3 }]);
  });

  it('ends with a change of the tree, but for the count', () => {
    const changed = desiredOf([treeOf(1, { ...both, maxSizeBytes: '999' })], datastores);
    const content = contentIn(restart(changed));
    expect(content).toMatchObject({ retryCount: 7, failure: null });
    expect(content.sources.size).toBe(0);
  });

  it('makes nobody wait longer than it did, whatever the clock says', () => {
    const wait = (wallMs: number) =>
      [...contentIn(restart(desired, { wallMs })).sources.values()][1]?.waitUntilMs;
    expect(wait(0)).toBe(50 + 8000);
    expect(wait(WALL_MS + 3000)).toBe(50 + 5000);
    expect(wait(WALL_MS + 1e12)).toBe(50);
  });

  it('counts the tries of a datastore, which is asked at once', () => {
    const [source] = sourcesOf(desired);
    const origin = originStateOf(before, source as Source);
    Object.assign(origin, { failures: 4, retryCount: 9, waitUntilMs: 60_000, failure });
    expect(restart(desired).origins.get(origin.origin)).toMatchObject({
      ...{ failures: 4, retryCount: 9, waitUntilMs: 0, status: 'unknown', failure },
    });
  });

  it('is read as earlier versions wrote it, who asked no more for what was refused', () => {
    const records = recordRetries(before, desired, { nowMs: 0, wallMs: WALL_MS });
    const sources = Object.values(records.contents[sha256Of('content 1')]?.sources ?? {});
    for (const source of sources) Object.assign(source, { waitUntilMs: null, slow: undefined });
    const actual = createActual();
    adopt(actual, desired);
    const later = { nowMs: 50, wallMs: WALL_MS + 100_000 };
    recallRetries(actual, desired, retryRecordsSchema.parse(records), SCHEDULE, later);
    const waits = [...contentIn(actual).sources.values()].map(({ waitUntilMs }) => waitUntilMs);
    expect(waits).toEqual([500_050, 500_050]);
  });

  it('keeps a code that is nobody’s any more as an unforeseen one', () => {
    const old = { ...failure, code: 'OF_ANOTHER_VERSION' };
    const origins = { 'http://ds1.local': { failures: 1, retryCount: 1, failure: old } };
    const records = retryRecordsSchema.parse({ version: 1, contents: {}, origins });
    expect(records.origins['http://ds1.local']?.failure).toEqual({ ...failure, code: 'UNEXPECTED' });
  });

  it('is not taken back with a time that none can be', () => {
    const failure = { code: 'STALLED', message: '', atMs: 1e300, severity: 'SEVERITY_ERROR' };
    const origins = { 'http://ds1.local': { failures: 1, retryCount: 1, failure } };
    const isTaken = (records: object) =>
      retryRecordsSchema.safeParse({ version: 1, contents: {}, ...records }).success;
    expect([isTaken({ origins }), isTaken({ origins: {} })]).toEqual([false, true]);
  });

  it('is bounded', () => {
    const [first] = [...contentIn(before).sources.values()];
    Object.assign(first ?? {}, { failure: { ...failure, message: 'x'.repeat(5000) } });
    for (let i = 0; i < 100; i += 1) first?.avoidedAddresses.add(`10.1.0.${i}`);
    const [again] = [...contentIn(restart(desired)).sources.values()];
    expect([again?.failure?.message.length, again?.avoidedAddresses.size]).toEqual([1000, 32]);
  });
});
