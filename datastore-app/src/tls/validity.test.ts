// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { isLeafDue, planLeafValidity } from './validity.ts';

const at = (text: string) => new Date(`${text}T00:00:00.000Z`);
const msAt = (text: string) => at(text).getTime();
const AUTHORITY_END = at('2046-11-01');

describe('a leaf', () => {
  it.each([
    ['2026-11-01', '2027-11-02'],
    ['1970-01-01', '2031-01-05'],
    ['2046-01-01', '2046-11-01'],
  ])('made on %s is good to %s', (made, end) => {
    const { notBefore, notAfter } = planLeafValidity(msAt(made), AUTHORITY_END);
    expect([notBefore, notAfter]).toEqual([at('1970-01-01'), at(end)]);
  });

  it.each([
    ['2026-11-02', '2027-11-02', false],
    ['2027-05-02', '2027-11-02', false],
    ['2027-05-03', '2027-11-02', true],
    ['2099-01-01', '2027-11-02', true],
    // One that ends with its authority cannot be bettered, and must not be made again every moment.
    ['2046-06-01', '2046-11-01', false],
    ['2050-06-01', '2046-11-01', false],
    // A clock that was not set yet makes a long one, and one that is set then a short one.
    ['1970-01-01', '2031-01-05', false],
    ['1970-01-01', '2027-11-02', false],
    ['2026-11-01', '2031-01-05', true],
  ])('on %s, good to %s: is a new one due? %s', (now, end, isDue) => {
    expect(isLeafDue(msAt(now), at(end), AUTHORITY_END)).toBe(isDue);
  });
});
