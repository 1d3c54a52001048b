// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../../../test/random.ts';
import { fitLine, isBent, type Point } from './fit-line.ts';

const points = (count: number, y: (x: number) => number): Point[] =>
  Array.from({ length: count }, (_, x) => ({ x, y: y(x) }));

test('a line is found again', () => {
  const line = fitLine(points(10, (x) => 3 * x - 7));
  expect(line?.slope).toBeCloseTo(3, 12);
  expect(line?.at(100)).toBeCloseTo(293, 9);
  expect(line?.deviation).toBeCloseTo(0, 9);
  expect(line?.slopeError).toBeCloseTo(0, 9);
});

test.each([
  ['no point', []],
  ['two points', points(2, (x) => x)],
  ['points at one moment', [1, 2, 3].map((y) => ({ x: 5, y }))],
])('%s: no line', (_, none) => {
  expect(fitLine(none)).toBeNull();
});

test('the slope is as far off as its error says, two times out of three', () => {
  const random = createRandom(2);
  let near = 0;
  for (let turn = 0; turn < 1000; turn += 1) {
    const noise = () => random.next() + random.next() + random.next() - 1.5;
    const line = fitLine(points(20, (x) => 0.5 * x + noise()));
    if (line !== null && Math.abs(line.slope - 0.5) < line.slopeError) near += 1;
  }
  expect(near).toBeGreaterThan(600);
  expect(near).toBeLessThan(750);
});

describe('a bend', () => {
  const bent = (all: readonly Point[]) => {
    const line = fitLine(all);
    return line !== null && isBent(all, line);
  };
  test.each([
    ['an arc', points(16, (x) => (x - 7.5) ** 2), true],
    ['a change of direction', points(16, (x) => Math.max(0, x - 8)), true],
    ['a step', points(16, (x) => (x < 8 ? 0 : 1)), true],
    ['a zigzag', points(16, (x) => x + (x % 2)), false],
  ])('%s: %s', (_, all, expected) => {
    expect(bent(all)).toBe(expected);
  });
  test('is rarely seen in noise', () => {
    const random = createRandom(3);
    const seen = Array.from({ length: 1000 }, () => bent(points(20, () => random.next()))).filter(Boolean);
    expect(seen.length).toBeLessThan(100);
  });
});
