// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { repositoryPattern } from './repository-pattern.ts';

it.each([
  ['lab/cam', 'lab/cam', true],
  ['lab/cam', 'lab/cam2', false],
  ['lab/cam', 'xlab/cam', false],
  ['lab/cam', 'lab/cam/x', false],
  ['lab/*', 'lab/cam', true],
  ['lab/*', 'lab/cam/x', false],
  ['lab/*', 'lab', false],
  ['lab/c*m', 'lab/cm', true],
  ['lab/c*m', 'lab/c/m', false],
  ['lab/**', 'lab/cam', true],
  ['lab/**', 'lab/cam/x/y', true],
  ['lab/**', 'lab', false],
  ['lab/**', 'lab2/cam', false],
  ['**', 'a', true],
  ['**', 'a/b/c', true],
  ['**/app', 'app', true],
  ['**/app', 'a/b/app', true],
  ['**/app', 'a/happ', false],
  ['a/**/b', 'a/b', true],
  ['a/**/b', 'a/x/y/b', true],
  ['a/**/b', 'ab', false],
  ['a.b', 'axb', false],
  ['a-b_c', 'a-b_c', true],
])('%s on %s: %s', (pattern, repository, isMatch) => {
  expect(repositoryPattern().parse(pattern)(repository)).toBe(isMatch);
});

it.each([
  ['', /characters/],
  ['x'.repeat(256), /characters/],
  ['Lab/**', /lower case/],
  ['lab/**x', /between slashes/],
  ['/lab', /none is empty/],
  ['lab//x', /none is empty/],
  ['lab:1', /wildcards/],
  ['lab?', /wildcards/],
  ['(a+)+', /wildcards/],
  ['*a*b*c*d*e*f*g*h*i', /at most 8/],
])('%s is none', (pattern, why) => {
  expect(() => repositoryPattern().parse(pattern)).toThrow(why);
});

it('is decided in no time for a name made to be hard', () => {
  const matches = repositoryPattern().parse('**/**/**/**');
  expect(matches(`${'a/'.repeat(100)}B/`)).toBe(true);
  expect(repositoryPattern().parse('**/**/**/x')('a/'.repeat(120))).toBe(false);
});
