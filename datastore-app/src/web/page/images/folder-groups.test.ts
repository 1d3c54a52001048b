// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Image } from '../api/answers.ts';
import { drawGroups, groupByFolder } from './folder-groups.ts';

const images = (...paths: readonly string[]) => paths.map((path) => ({ path }) as Image);
const namesOf = (found: readonly Image[]) => found.map(({ path }) => path);

it.each<[string, readonly string[], [string, ...string[]][]]>([
  ['nothing', [], []],
  ['the root alone', ['b', 'a'], [['', 'b', 'a']]],
  [
    'the root first, whatever comes first',
    ['x/1', 'a', 'x/2'],
    [
      ['', 'a'],
      ['x/', 'x/1', 'x/2'],
    ],
  ],
  [
    'folders by what comes first in them, and each for itself',
    ['z/1', 'a/b/1', 'z/2', 'a/1'],
    [
      ['z/', 'z/1', 'z/2'],
      ['a/b/', 'a/b/1'],
      ['a/', 'a/1'],
    ],
  ],
])('groups %s', (_, paths, groups) => {
  const found = groupByFolder(images(...paths));
  expect(found.map((group) => [group.folder, ...namesOf(group.images)])).toEqual(groups);
});

it.each<[readonly string[], number, [string, number][]]>([
  [
    [],
    9,
    [
      ['', 1],
      ['x/', 2],
      ['y/', 1],
    ],
  ],
  [
    ['x/'],
    9,
    [
      ['', 1],
      ['x/', 0],
      ['y/', 1],
    ],
  ],
  [
    [],
    2,
    [
      ['', 1],
      ['x/', 1],
    ],
  ],
  [
    ['x/'],
    2,
    [
      ['', 1],
      ['x/', 0],
      ['y/', 1],
    ],
  ],
  [[], 1, [['', 1]]],
])('with %j closed and at most %d, draws %j', (closed, most, drawn) => {
  const groups = groupByFolder(images('a', 'x/1', 'x/2', 'y/1'));
  const found = drawGroups(groups, { closed: new Set(closed), most });
  expect(found.map((group) => [group.folder, group.drawn.length])).toEqual(drawn);
});
