// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { mixLanes } from './mix-lanes.ts';

const lane = (name: string, ...all: readonly number[]) =>
  all.map((seconds) => ({ file: `${name}${seconds}`, seconds }));

describe('the order of files', () => {
  it.each([
    ['nothing', [], []],
    ['an empty lane', [[], lane('a', 1)], ['a1']],
    ['one lane is longest first', [lane('a', 1, 9, 3)], ['a9', 'a3', 'a1']],
    [
      'lanes go on side by side, whatever their lengths',
      [lane('a', 60, 20, 20), lane('b', 3, 2, 1)],
      ['a60', 'b3', 'b2', 'a20', 'a20', 'b1'],
    ],
    [
      'a lane of one file begins it at once',
      [lane('a', 5, 4, 3), lane('long', 100)],
      ['long100', 'a5', 'a4', 'a3'],
    ],
    ['equal files stay in their order', [lane('a', 1, 1), lane('b', 1, 1)], ['a1', 'b1', 'a1', 'b1']],
  ])('%s', (_title, lanes, expected) => {
    expect(mixLanes(lanes)).toEqual(expected);
  });

  it('has each file once', () => {
    const lanes = ['a', 'b', 'c'].map((name, n) =>
      lane(name, ...Array.from({ length: 50 * (n + 1) }, (_, i) => i + 1)),
    );
    const files = lanes.flat().map(({ file }) => file);
    expect(mixLanes(lanes).sort()).toEqual([...files].sort());
  });
});
