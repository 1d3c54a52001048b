// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseByteRange } from './byte-range.ts';

describe('a range of 100 bytes', () => {
  it.each([
    [undefined, 'whole'],
    ['bytes=0-', { first: 0, last: 99 }],
    ['bytes=10-19', { first: 10, last: 19 }],
    ['bytes=99-', { first: 99, last: 99 }],
    ['bytes=90-1000', { first: 90, last: 99 }],
    ['bytes=-10', { first: 90, last: 99 }],
    ['bytes=-1000', { first: 0, last: 99 }],
    ['bytes=100-', 'none'],
    ['bytes=-0', 'none'],
    ['bytes=20-10', 'whole'],
    ['bytes=0-1,5-6', 'whole'],
    ['bytes=-', 'whole'],
    ['lines=1-2', 'whole'],
  ])('%s is %j', (text, expected) => {
    expect(parseByteRange(text, 100)).toEqual(expected);
  });

  it('of nothing is nowhere', () => {
    expect([parseByteRange('bytes=0-', 0), parseByteRange(undefined, 0)]).toEqual(['none', 'whole']);
  });
});
