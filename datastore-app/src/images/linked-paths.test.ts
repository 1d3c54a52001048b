// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { followLinks, linkedPaths } from './linked-paths.ts';

const IMAGES = new Set(['a.img', 'v1/a.img', 'v1/deep/b.img', 'v2/c.img']);

test.each<[string, [string, string][], [string, string][]]>([
  ['to a file', [['alias.img', 'a.img']], [['alias.img', 'a.img']]],
  ['to what is no image', [['alias.img', 'gone.img']], []],
  [
    'to a folder',
    [['now', 'v1']],
    [
      ['now/a.img', 'v1/a.img'],
      ['now/deep/b.img', 'v1/deep/b.img'],
    ],
  ],
  ['to a folder whose name begins another', [['x', 'v']], []],
  [
    'to a folder with a link to a file in it',
    [
      ['now', 'v2'],
      ['v2/first.img', 'a.img'],
    ],
    [
      ['now/c.img', 'v2/c.img'],
      ['now/first.img', 'a.img'],
      ['v2/first.img', 'a.img'],
    ],
  ],
  [
    'to a folder with a link to a folder in it',
    [
      ['now', 'v2'],
      ['v2/before', 'v1/deep'],
    ],
    [
      ['now/before/b.img', 'v1/deep/b.img'],
      ['now/c.img', 'v2/c.img'],
      ['v2/before/b.img', 'v1/deep/b.img'],
    ],
  ],
  ['to the folder it stands in', [['v1/self', 'v1']], []],
  [
    'past a circle',
    [
      ['now', 'v1'],
      ['v1/self', 'v1'],
    ],
    [
      ['now/a.img', 'v1/a.img'],
      ['now/deep/b.img', 'v1/deep/b.img'],
    ],
  ],
  [
    'to a path that no image can have',
    [[`${'d/'.repeat(14)}x`, 'v1/deep']],
    [[`${'d/'.repeat(14)}x/b.img`, 'v1/deep/b.img']],
  ],
  ['beyond the depth of paths', [[`${'d/'.repeat(15)}x`, 'v1/deep']], []],
])('links %s', (_, links, expected) => {
  const found = [...linkedPaths(new Map(links), IMAGES, 100)];
  expect(found.sort()).toEqual(expected);
  for (const [path, file] of expected) expect(followLinks(path, new Map(links))).toBe(file);
});

test('two folders that lead into each other end', () => {
  const links = new Map([
    ['v1/other', 'v2'],
    ['v2/other', 'v1'],
  ]);
  const found = [...linkedPaths(links, IMAGES, 1000)];
  expect(found).toContainEqual(['v1/other/c.img', 'v2/c.img']);
  expect(found.length).toBeLessThan(50);
});

test('there are no more than the limit', () => {
  expect([...linkedPaths(new Map([['now', 'v1']]), IMAGES, 1)]).toHaveLength(1);
});

test('a path without links is itself', () => {
  const links = new Map([['now', 'v1']]);
  for (const path of ['a.img', 'nowhere.img', 'v1/a.img', 'known/now'])
    expect(followLinks(path, links)).toBe(path);
});
