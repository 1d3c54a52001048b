// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import {
  answerText,
  type CorrectionAnswer,
  correctionText,
  type OfferedCorrection,
  parseAnswer,
  parseCorrection,
  parseQuantity,
  quantityText,
  serverName,
} from './ntp-keys.ts';

const CORRECTION: OfferedCorrection = {
  ...{ sequence: 7, offsetMs: -3.25, errorMs: 12.5, jitterMs: 0.000_001 },
  ...{ atMs: 123_456.789, wallBaseMs: 1_796_000_000_000.25 },
};
const ANSWER: CorrectionAnswer = {
  ...{ sequence: 7, kind: 'slewing', byMs: -3.25, frequencyPpm: -12.5, atMs: 123_457, reason: '-' },
};
const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('what is said is read as it was', () => {
  test.each<[string, Partial<OfferedCorrection>]>([
    ['a correction', {}],
    ['none', { offsetMs: 0 }],
    ['half a century', { offsetMs: 1_796_000_000_000.125 }],
    ['the last sequence', { sequence: 999_999_999_999_999 }],
  ])('%s', (_, fields) => {
    const offered = { ...CORRECTION, ...fields };
    expect(parseCorrection(bytes(correctionText(offered)))).toEqual(offered);
  });
  test.each<[string, Partial<CorrectionAnswer>]>([
    ['a slew', {}],
    ['a refusal', { kind: 'refused', byMs: 0, reason: 'impossible-time' }],
    ['an error of the kernel', { kind: 'refused', reason: 'EPERM' }],
    ['the beginning', { kind: 'none', sequence: 0 }],
  ])('%s', (_, fields) => {
    const answer = { ...ANSWER, ...fields };
    expect(parseAnswer(bytes(answerText(answer)))).toEqual(answer);
  });
  test.each([0, 500, -499.999999])('%d', (value) => {
    expect(parseQuantity(bytes(quantityText(value)))).toBe(value);
  });
  test.each([
    [0, '001'],
    [15, '016'],
  ])('server %i is %s', (index, name) => {
    expect(serverName(index)).toBe(name);
  });
});

describe('what is no correction', () => {
  test.each([
    ['nothing', ''],
    ['a number', '7'],
    ['too few numbers', '7 1 1 1 1'],
    ['too many', '7 1 1 1 1 1 1'],
    ['two spaces', '7  1 1 1 1'],
    ['a space behind', '7 1 1 1 1 '],
    ['a line end', '7 1 1 1 1 1\n'],
    ['a negative sequence', '-7 1 1 1 1 1'],
    ['half a sequence', '7.5 1 1 1 1 1'],
    ['no number', '7 NaN 1 1 1 1'],
    ['without end', '7 Infinity 1 1 1 1'],
    ['an exponent', '7 1e9 1 1 1 1'],
    ['hexadecimal', '7 0x10 1 1 1 1'],
    ['a plus', '7 +1 1 1 1 1'],
    ['no digit before the point', '7 .5 1 1 1 1'],
    ['no digit behind it', '7 1. 1 1 1 1'],
    ['too many digits', '7 1234567890123456 1 1 1 1'],
    ['too fine', '7 1.1234567 1 1 1 1'],
    ['digits that are not ASCII', '7 ٣ 1 1 1 1'],
    ['all that a value can have', `7 ${'1'.repeat(4000)} 1 1 1 1`],
    ['zeros', '\0\0\0\0'],
  ])('%s', (_, text) => {
    expect(parseCorrection(Buffer.from(text))).toBeNull();
  });
});

test.each([
  ['another kind', '7 jumped 1 1 1 -'],
  ['no reason', '7 slewing 1 1 1 '],
  ['two reasons', '7 slewing 1 1 1 a b'],
  ['a reason that acts', '7 refused 1 1 1 \x1b[2J'],
  ['a reason that is too long', `7 refused 1 1 1 ${'a'.repeat(33)}`],
])('%s is no answer', (_, text) => {
  expect(parseAnswer(bytes(text))).toBeNull();
});

test.each(['', '1 2', ' 1', 'one', '--1', '1e3'])('"%s" is no quantity', (text) => {
  expect(parseQuantity(bytes(text))).toBeNull();
});
