// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { planAuthorityValidity, planValidity } from './validity.ts';

const at = (text: string) => new Date(`${text}T00:00:00.000Z`);
const msAt = (text: string) => at(text).getTime();
const AUTHORITY_END = at('2046-11-01');

describe('an authority', () => {
  it('is good for twenty years, and for clocks that start in 1970', () => {
    expect(planAuthorityValidity(msAt('2026-11-01') + 123)).toEqual({
      notBefore: at('1970-01-01'),
      notAfter: AUTHORITY_END,
    });
  });

  it('that is made in 1970 is good today', () => {
    expect(planAuthorityValidity(0).notAfter).toEqual(at('2046-01-01'));
  });
});

describe('what it issues', () => {
  it.each([
    ['2026-11-01', 30, '2026-12-01'],
    ['1970-01-01', 30, '2026-01-31'],
    ['2046-10-30', 30, '2046-11-01'],
  ])('made on %s for %i days is good to %s', (made, days, end) => {
    expect(planValidity(days, msAt(made), AUTHORITY_END)).toEqual({
      notBefore: at('1970-01-01'),
      notAfter: at(end),
    });
  });
});
