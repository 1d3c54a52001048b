// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { fitsPattern, isAttachedTag, selectTags } from './tag-patterns.ts';

it.each([
  ['1.2', '1.2', true],
  ['1.2', '1.*', true],
  ['1.2', '*', true],
  ['', '*', true],
  ['1.2', '1.?', true],
  ['1.23', '1.?', false],
  ['1.2', '2.*', false],
  ['1x2', '1.2', false],
  ['1.2-alpine', '*-alpine', true],
  ['1.2-alpine3', '*-alpine', false],
  ['aXbXc', 'a*b*c', true],
  ['abc', 'a*b*d', false],
  ['a'.repeat(128), `${'*a'.repeat(60)}b`, false],
])('%s and %s: %s', (text, pattern, fits) => {
  expect(fitsPattern(text, pattern)).toBe(fits);
});

it('takes each tag once, in the order of people, and no signatures', () => {
  const signature = `sha256-${'ab'.repeat(32)}.sig`;
  const tags = ['1.10', '1.9', '2.0', '1.9', signature, 'latest'];
  expect(selectTags(tags, ['1.*', '*.10'])).toEqual(['1.9', '1.10']);
  expect(selectTags(tags, ['*'])).toEqual(['1.9', '1.10', '2.0', 'latest']);
});

it.each([
  [`sha256-${'ab'.repeat(32)}`, true],
  [`sha256-${'ab'.repeat(32)}.att`, true],
  [`sha256-${'ab'.repeat(32)}.exe`, false],
  ['sha256-short', false],
  ['1.2', false],
])('%s stands for what is attached: %s', (tag, isAttached) => {
  expect(isAttachedTag(tag)).toBe(isAttached);
});
