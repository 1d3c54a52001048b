// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Image } from '../api/answers.ts';
import { archiveUrl } from './download.ts';
import { collisionOf, planMoves } from './move-plan.ts';
import { isSelectable, pathsBetween, shareOf, withPaths } from './selection.ts';

it.each<[string, Partial<Image>, boolean]>([
  ['a file', { state: 'ready' }, true],
  ['a file that is hashed', { state: 'hashing' }, true],
  ['a damaged file', { state: 'corrupt' }, true],
  ['what can come', { state: 'upstream' }, false],
  ['a disk of the registry', { state: 'ready', artifact: { repository: 'a', tag: 'b' } }, false],
])('%s can be selected: %j %j', (_, image, is) => {
  expect(isSelectable(image as Image)).toBe(is);
});

it.each([
  [undefined, 'c', ['c']],
  ['b', 'd', ['b', 'c', 'd']],
  ['d', 'b', ['b', 'c', 'd']],
  ['b', 'b', ['b']],
  ['gone', 'b', ['b']],
])('from %s to %s are %j', (from, to, between) => {
  expect(pathsBetween(['a', 'b', 'c', 'd'], from, to)).toEqual(between);
});

it('adds and takes away', () => {
  const some = withPaths(new Set(['a']), ['b', 'c'], true);
  expect([...some]).toEqual(['a', 'b', 'c']);
  expect([...withPaths(some, ['a', 'c', 'x'], false)]).toEqual(['b']);
});

it.each([
  [[], 'none'],
  [['a'], 'some'],
  [['a', 'b'], 'all'],
  [['x'], 'none'],
] as const)('of a and b, %j is %s', (selected, share) => {
  expect(shareOf(new Set(selected), ['a', 'b'])).toBe(share);
});

it('moves by the name alone, and leaves what is there', () => {
  const moves = planMoves(['a/x', 'y', 'new/z', 'b/x'], ' /new/ ');
  expect(moves).toEqual([
    { path: 'a/x', to: 'new/x' },
    { path: 'y', to: 'new/y' },
    { path: 'b/x', to: 'new/x' },
  ]);
  expect(collisionOf(moves)).toBe('new/x');
  expect(collisionOf(moves.slice(0, 2))).toBeUndefined();
});

it('names images in the URL of an archive, as long as it may be sent', () => {
  expect(archiveUrl(['a b/c&d', 'ü'])).toBe('/-/api/v1/export?path=a+b%2Fc%26d&path=%C3%BC');
  expect(archiveUrl(Array(500).fill('linux/a-name-of-usual-length.qcow2'))).toBeUndefined();
});
