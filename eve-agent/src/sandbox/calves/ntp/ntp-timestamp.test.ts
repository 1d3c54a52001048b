// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../../../test/random.ts';
import { ntpTimestampOf, unixNsOf } from './ntp-timestamp.ts';

const at = (date: string) => BigInt(Date.parse(date)) * 1_000_000n;
const YEAR = 31_556_952_000_000_000n;

describe('timestamps', () => {
  test.each([
    // RFC 5905 figure 4 has these.
    ['era 0 begins', '1900-01-01T00:00:00Z', 0n],
    ['Unix time begins', '1970-01-01T00:00:00Z', 2_208_988_800n],
    ['the first day of UTC', '1972-01-01T00:00:00Z', 2_272_060_800n],
    ['the last day of the 20th century', '1999-12-31T00:00:00Z', 3_155_587_200n],
    ['the first whole day of era 1', '2036-02-08T00:00:00Z', 63_104n],
    // And these follow.
    ['the last second of era 0', '2036-02-07T06:28:15Z', 0xffff_ffffn],
    ['era 1 begins', '2036-02-07T06:28:16Z', 0n],
    ['the second before 1900', '1899-12-31T23:59:59Z', 0xffff_ffffn],
  ])('%s', (_, date, seconds) => {
    expect(ntpTimestampOf(at(date))).toBe(seconds << 32n);
    expect(unixNsOf(seconds << 32n, at(date))).toBe(at(date));
  });

  test('a quarter of a second is a quarter of the fraction', () => {
    expect(ntpTimestampOf(250_000_000n) & 0xffff_ffffn).toBe(0x4000_0000n);
    expect(ntpTimestampOf(-250_000_000n) & 0xffff_ffffn).toBe(0xc000_0000n);
  });

  test.each([
    ['in the era of the pivot', '2026-11-30T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['in the next era', '2036-02-07T06:28:17Z', '2036-02-07T06:28:14Z'],
    ['in the era before', '2036-02-07T06:28:14Z', '2036-02-07T06:28:17Z'],
    ['67 years on', '2093-06-01T00:00:00Z', '2026-11-30T00:00:00Z'],
    ['67 years before', '1960-01-01T00:00:00Z', '2026-11-30T00:00:00Z'],
    ['two eras on', '2180-01-01T00:00:00Z', '2175-01-01T00:00:00Z'],
  ])('the moment is found %s', (_, moment, pivot) => {
    expect(unixNsOf(ntpTimestampOf(at(moment)), at(pivot))).toBe(at(moment));
  });

  test('no nanosecond is lost, in any era and next to its end', () => {
    const random = createRandom(5905);
    for (let turn = 0; turn < 20_000; turn += 1) {
      const moment = BigInt(random.integer(-100, 400)) * YEAR + BigInt(random.integer(0, 2 ** 52));
      const pivot = moment + BigInt(random.integer(-67, 67)) * YEAR + BigInt(random.integer(0, 999_999_999));
      expect(unixNsOf(ntpTimestampOf(moment), pivot)).toBe(moment);
    }
  });

  test('all 64 bits say something', () => {
    const random = createRandom(7822);
    const pivot = at('2026-11-30T00:00:00Z');
    for (let turn = 0; turn < 1000; turn += 1) {
      const timestamp = random.bytes(8).readBigUInt64BE();
      const difference = ntpTimestampOf(unixNsOf(timestamp, pivot)) - timestamp;
      // A nanosecond is 4.3 steps of a timestamp.
      expect(difference < 3n && difference > -3n).toBe(true);
    }
  });
});
