// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { FileVersion } from '../content/file-version.ts';
import { decideEntityTag, decideRange, isMatch, reprDigest, validatorsOf } from './validators.ts';

const VERSION: FileVersion = {
  ...{ sizeBytes: 4096, mtimeNs: 1_770_091_506_000_000_255n, ctimeNs: 1_770_091_507_000_000_000n },
  ...{ inode: 17n, device: 0xfe00n },
};
const SHA256 = createHash('sha256').update('content').digest('hex');
const STAT_TAG = '"stat:fe00-11-1000-1890a0d8ab10f4ff-1890a0d8e6abbe00"';
const DATE = 'Tue, 03 Feb 2026 04:05:06 GMT';
const hashed = validatorsOf(VERSION, SHA256);

it('names a version by its digest, or by what the file system says before that is known', () => {
  expect(validatorsOf(VERSION)).toEqual({ entityTag: STAT_TAG, statTag: STAT_TAG, lastModified: DATE });
  expect(hashed).toEqual({ entityTag: `"sha256:${SHA256}"`, statTag: STAT_TAG, lastModified: DATE });
});

it('has no words for a time beyond what HTTP can say, but a tag', () => {
  const farAway = validatorsOf({ ...VERSION, mtimeNs: 2n ** 62n * 1000n });
  expect(farAway.lastModified).toMatch(/GMT$/);
  expect(farAway.statTag).toMatch(/^"stat:fe00-11-1000-[0-9a-f]+-[0-9a-f]+"$/);
});

it('writes Repr-Digest in base64 between colons', () => {
  expect(reprDigest(SHA256)).toBe(`sha-256=:${createHash('sha256').update('content').digest('base64')}:`);
});

describe('decideRange', () => {
  it.each([
    ['bytes=0-', 'bytes=0-'],
    ['bytes=5-9', 'bytes=5-9'],
    ['bytes=5-5', 'bytes=5-5'],
    ['bytes=-5', 'bytes=-5'],
    ['bytes=-4096', 'bytes=-4096'],
    ['bytes=-4097', 'bytes=-4096'],
    ['bytes=-99999999999999999999', 'bytes=-4096'],
    ['Bytes= 5-9 ', 'bytes=5-9'],
  ])('obeys %s', (range, obeyed) => {
    expect(decideRange('GET', { range }, hashed, 4096)).toBe(obeyed);
  });

  it.each(['bytes=-', 'bytes=9-5', 'bytes=0-1,5-6', 'bytes=1x-5', 'bytes=a-', 'bytes 0-1', 'lines=0-1', ''])(
    'ignores %j',
    (range) => {
      expect(decideRange('GET', { range }, hashed, 4096)).toBeUndefined();
    },
  );

  it('ignores a range of any other method than GET, and finds none where none is', () => {
    expect(decideRange('HEAD', { range: 'bytes=0-' }, hashed, 4096)).toBeUndefined();
    expect(decideRange('GET', {}, hashed, 4096)).toBeUndefined();
  });

  it.each([hashed.entityTag, STAT_TAG])('holds with If-Range: %s', (ifRange) => {
    expect(decideRange('GET', { range: 'bytes=5-', 'if-range': ifRange }, hashed, 4096)).toBe('bytes=5-');
  });

  it.each([
    `W/${hashed.entityTag}`,
    `${hashed.entityTag}, "other"`,
    // One nanosecond of either time, another inode, another file system.
    '"stat:fe00-11-1000-1890a0d8ab10f4fe-1890a0d8e6abbe00"',
    '"stat:fe00-11-1000-1890a0d8ab10f4ff-1890a0d8e6abbe01"',
    '"stat:fe00-12-1000-1890a0d8ab10f4ff-1890a0d8e6abbe00"',
    '"stat:fe01-11-1000-1890a0d8ab10f4ff-1890a0d8e6abbe00"',
    // As it was before the change time counted.
    '"stat:11-1000-1890a0d8ab10f4ff"',
    // Other files have the same date.
    DATE,
    `sha256:${SHA256}`,
    'Tue, 03 Feb 2026 04:05:07 GMT',
    'Tue, 03 Feb 2026 04:05:05 GMT',
    '*',
    '',
  ])('does not hold with If-Range: %s', (ifRange) => {
    expect(decideRange('GET', { range: 'bytes=5-', 'if-range': ifRange }, hashed, 4096)).toBeUndefined();
  });
});

it.each([
  ['*', true],
  [hashed.entityTag, true],
  [STAT_TAG, true],
  [`"a,b", ${hashed.entityTag}`, true],
  [`W/${hashed.entityTag}`, false],
  ['"other"', false],
  ['', false],
])('If-Match: %s holds: %s', (ifMatch, expected) => {
  expect(isMatch(ifMatch, hashed)).toBe(expected);
});

describe('decideEntityTag', () => {
  it('is the tag that a client goes on by, as long as the file is the same', () => {
    expect(decideEntityTag({ 'if-range': ` ${STAT_TAG}` }, hashed)).toBe(STAT_TAG);
  });

  it.each([undefined, hashed.entityTag, DATE, '"stat:1-2-3"', `W/${STAT_TAG}`])(
    'is the current one with If-Range: %s',
    (ifRange) => {
      const headers = ifRange === undefined ? {} : { 'if-range': ifRange };
      expect(decideEntityTag(headers, hashed)).toBe(hashed.entityTag);
    },
  );
});
