// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { emptyRecord, withManifest, withoutTag } from './change-record.ts';
import { planUntagged, type UntaggedPolicy } from './plan-untagged.ts';
import { parseRepositoryRecord, type RepositoryRecord, repositoryRecordText } from './repository-record.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0);
const dayText = (day: number) => new Date(START_MS + day * DAY_MS).toISOString();
const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`;

/** A tag that points to a, b, c and d on the days 0, 1, 2 and 3, and to a once more on the last day. */
function movedRecord(isBack = false): RepositoryRecord {
  const manifest = { mediaType: 'x', sizeBytes: 1, blobs: [], children: [] };
  let record = emptyRecord('app', dayText(0));
  for (const [day, letter] of ['a', 'b', 'c', 'd', ...(isBack ? ['a'] : [])].entries()) {
    const at = dayText(day);
    const named = { tags: ['v'], at, by: undefined };
    record = withManifest(record, digestOf(letter), { ...manifest, at }, named);
  }
  return record;
}

it.each<[string, Partial<UntaggedPolicy>, number, boolean, string]>([
  ['for ever, where nothing is said', {}, 1000, false, ''],
  ['for two days without a tag', { untaggedMs: 2 * DAY_MS }, 3, false, 'a'],
  ['for two days, of which the last has passed', { untaggedMs: 2 * DAY_MS }, 4, false, 'ab'],
  ['not at all', { untaggedMs: 0 }, 3, false, 'abc'],
  ['as one version', { keptVersions: 1 }, 3, false, 'abc'],
  ['as two versions', { keptVersions: 2 }, 1000, false, 'ab'],
  ['as many versions as there are', { keptVersions: 4 }, 1000, false, ''],
  ['as two versions, of which the newest is an old one', { keptVersions: 2 }, 4, true, 'bc'],
  ['as two versions, whatever their age', { keptVersions: 2, untaggedMs: 0 }, 1000, false, 'ab'],
])('keeps manifests %s', (_what, policy, day, isBack, gone) => {
  const record = movedRecord(isBack);
  const nowMs = START_MS + day * DAY_MS;
  const plan = planUntagged(record, { untaggedMs: undefined, keptVersions: undefined, ...policy }, nowMs);
  expect([...plan].sort()).toEqual([...gone].map(digestOf));
  const copy = parseRepositoryRecord(repositoryRecordText(record), 'app', (digest) => digest);
  expect(copy).toEqual(record);
});

it('counts from when the last tag left', () => {
  const record = withoutTag(movedRecord(), 'v', dayText(10));
  if (record === undefined) throw new Error('there was no tag');
  const policy = { untaggedMs: 2 * DAY_MS, keptVersions: undefined };
  expect(planUntagged(record, policy, START_MS + 11 * DAY_MS).has(digestOf('d'))).toBe(false);
  expect(planUntagged(record, policy, START_MS + 12 * DAY_MS).has(digestOf('d'))).toBe(true);
});

it('believes no date of before the device knew the time', () => {
  const manifest = { mediaType: 'x', sizeBytes: 1, blobs: [], children: [], at: '1970-01-01T00:00:10.000Z' };
  const named = { tags: [], at: manifest.at, by: undefined };
  const record = withManifest(emptyRecord('app', dayText(0)), digestOf('a'), manifest, named);
  expect(planUntagged(record, { untaggedMs: DAY_MS, keptVersions: undefined }, START_MS).size).toBe(0);
});
