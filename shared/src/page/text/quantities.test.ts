// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { ageText, durationText, exactSizeText, percentOf, shortDigest } from './quantities.ts';

it('exactSizeText groups the digits', () => {
  expect(exactSizeText(5_368_709_120)).toBe('5,368,709,120 bytes');
  expect(exactSizeText(1)).toBe('1 byte');
});

it.each([
  [0, 10, 0],
  [9.99, 10, 99],
  [10, 10, 100],
  [11, 10, 100],
  [0, 0, 100],
])('percentOf: %d of %d is %d', (part, whole, percent) => {
  expect(percentOf(part, whole)).toBe(percent);
});

const NOW = Date.parse('2026-03-01T00:00:00Z');
it.each([
  ['2026-03-01T00:00:00Z', 'just now'],
  ['2026-03-02T00:00:00Z', 'just now'],
  ['2026-02-28T23:59:30Z', '30 seconds ago'],
  ['2026-02-28T23:58:59Z', '1 minute ago'],
  ['2026-02-28T22:00:00Z', '2 hours ago'],
  ['2026-02-26T00:00:00Z', '3 days ago'],
  ['2026-01-01T00:00:00Z', '1 month ago'],
  ['2024-01-01T00:00:00Z', '2 years ago'],
])('ageText: %s was %s', (iso, text) => {
  expect(ageText(iso, NOW)).toBe(text);
});

it.each([
  [0.2, '1 s'],
  [59, '59 s'],
  [61, '1 min'],
  [3599, '1 h'],
  [3600 + 20 * 60, '1 h 20 min'],
  [2 * 86_400 + 3 * 3600, '2 d 3 h'],
])('durationText: %d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

it('shortDigest keeps both ends', () => {
  expect(shortDigest(`${'a'.repeat(32)}${'b'.repeat(32)}`)).toBe('aaaaaaaa…bbbbbb');
});
