// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { formatDigest, parseOciDigest } from './digest.ts';

const HEX = '0123456789abcdef';

it.each([`sha256:${HEX.repeat(4)}`, `sha512:${HEX.repeat(8)}`])('reads %s and writes it again', (text) => {
  const digest = parseOciDigest(text);
  expect(digest).toEqual({ algorithm: text.slice(0, 6), hex: text.slice(7) });
  expect(digest && formatDigest(digest)).toBe(text);
});

it.each([
  ['nothing', ''],
  ['no algorithm', HEX.repeat(4)],
  ['no digits', 'sha256:'],
  ['an empty algorithm', `:${HEX.repeat(4)}`],
  ['digits in upper case', `sha256:${HEX.repeat(4).toUpperCase()}`],
  ['an algorithm in upper case', `SHA256:${HEX.repeat(4)}`],
  ['too few digits', `sha256:${HEX.repeat(4).slice(1)}`],
  ['too many digits', `sha256:${HEX.repeat(4)}0`],
  ['the digits of another algorithm', `sha512:${HEX.repeat(4)}`],
  ['what is no digit', `sha256:${HEX.repeat(4).slice(1)}g`],
  ['a way out', `sha256:../../${HEX.repeat(4).slice(6)}`],
  ['a line behind it', `sha256:${HEX.repeat(4)}\n`],
  ['an algorithm that nobody registered', `md5:${HEX.repeat(2)}`],
  ['an algorithm that is not offered', `sha384:${HEX.repeat(6)}`],
  ["an object's own name", `constructor:${HEX.repeat(4)}`],
])('reads no digest from %s', (_what, text) => {
  expect(parseOciDigest(text)).toBeUndefined();
});
