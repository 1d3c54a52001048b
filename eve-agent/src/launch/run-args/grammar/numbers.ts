// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';

const WHOLE = /^(?:0|-?[1-9]\d{0,18})$/;
const DECIMAL = /^(0|[1-9]\d{0,15})(?:\.(\d{1,15}))?$/;
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/**
 * A whole number in decimal. `docker` also reads `0x10` and `010`, the latter as eight: neither is one here.
 *
 * @throws ValueError
 */
export function parseWhole(text: string, least: number, greatest: number): number {
  const number = WHOLE.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= least && number <= greatest) return number;
  throw new ValueError(`a whole number from ${least} to ${greatest} is expected`);
}

/** What Go reads as one of the two. @throws ValueError */
export function parseSwitch(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw new ValueError('true or false is expected');
}

/**
 * A decimal number in units of a fraction, exactly.
 *
 * @param digits how many decimals there may be: 9 for billionths
 * @throws ValueError
 */
export function parseDecimal(text: string, digits: number): number {
  const [, whole = '', fraction = ''] = DECIMAL.exec(text) ?? [];
  if (whole === '' || fraction.length > digits) {
    throw new ValueError(`a number with at most ${digits} decimals is expected, such as 1.5`);
  }
  return requireSafe(BigInt(whole + fraction.padEnd(digits, '0')));
}

function requireSafe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new ValueError('it is too large');
  return number;
}

const POWERS = ['b', 'k', 'm', 'g', 't', 'p'] as const;
const SIZE = /^(\d{1,15}(?:\.\d{1,15})?) ?(?:(b)|([kmgtp])(?:i?b)?)?$/i;

/**
 * Bytes as `docker` reads them: `512m`, `1.5g`, `64kb`, `1GiB`. Units are powers of 1024; a part of a byte is dropped.
 *
 * @throws ValueError
 */
export function parseSize(text: string): number {
  const [, digits = '', , unit = 'b'] = SIZE.exec(text) ?? [];
  if (digits === '') throw new ValueError('a size is expected, such as 512m or 1g');
  const bytes = Number(digits) * 1024 ** POWERS.indexOf(unit.toLowerCase() as (typeof POWERS)[number]);
  if (bytes > Number.MAX_SAFE_INTEGER) throw new ValueError('it is too large');
  return Math.trunc(bytes);
}

const UNIT_NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const DURATION = /^(?:\d{1,12}(?:\.\d{1,9})?(?:ns|us|ms|s|m|h))+$/;
const DURATION_PART = /(\d+)(?:\.(\d+))?(ns|us|ms|s|m|h)/g;
const LEAST_NANOSECONDS = 1_000_000;

/**
 * A time as Go writes it: `30s`, `1m30s`, `500ms`. Zero or at least a millisecond, which is what the engine takes.
 *
 * @returns nanoseconds
 * @throws ValueError
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  if (!DURATION.test(text)) throw new ValueError('a time is expected, such as 30s or 1m30s');
  let sum = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of text.matchAll(DURATION_PART)) {
    const scale = 10n ** BigInt(fraction.length);
    sum += (BigInt(whole + fraction) * (UNIT_NANOSECONDS[unit] ?? 0n)) / scale;
  }
  const nanoseconds = requireSafe(sum);
  if (nanoseconds !== 0 && nanoseconds < LEAST_NANOSECONDS) {
    throw new ValueError('at least a millisecond is needed');
  }
  return nanoseconds;
}
