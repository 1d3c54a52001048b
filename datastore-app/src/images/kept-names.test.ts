// SPDX-License-Identifier: Apache-2.0
import { expect, it, test } from 'vitest';
import { isImagePath, isKeptPath } from './image-path.ts';
import { describeKeptNames } from './kept-names.ts';
import { requireImagePath } from './placing.ts';

it.each(['v2', 'v2/a.img', 'v2/library/alpine/manifests/latest', 'token'])(
  '%s is kept for a registry',
  (path) => {
    expect([isImagePath(path), isKeptPath(path)]).toEqual([true, true]);
    expect(() => requireImagePath(path)).toThrow(expect.objectContaining({ code: 'NAME_RESERVED' }));
  },
);

it.each([
  'V2',
  'v2.img',
  'v20/a',
  'v1/a',
  'a/v2',
  'a/v2/b',
  'token.img',
  'token/a',
  'tokens',
  'a/token',
  'Token',
])('%s is free', (path) => {
  expect(isKeptPath(path)).toBe(false);
  expect(() => requireImagePath(path)).not.toThrow();
});

test('tells of those that are there, and of no more than a person reads', () => {
  expect(describeKeptNames(['a.img', 'token.img'])).toBeUndefined();
  expect(describeKeptNames(['a.img', 'token', 'v2/a'])).toMatch(/^\/token, \/v2\/a: "v2", /);
  const many = Array.from({ length: 1000 }, (_, n) => `v2/${n}`);
  expect(describeKeptNames(many)).toMatch(/^\/v2\/0, .*\/v2\/101 and 995 more: /);
});
