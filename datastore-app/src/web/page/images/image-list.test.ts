// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Image } from '../api/answers.ts';
import { listImages, type Sorting, splitPath } from './image-list.ts';

const image = (path: string, changes: Partial<Image> = {}): Image => ({
  path,
  sizeBytes: 1,
  sha256: null,
  state: 'ready',
  isGrowing: false,
  hashedBytes: 0,
  format: 'raw',
  virtualSizeBytes: null,
  modified: '2026-01-01T00:00:00Z',
  ...changes,
});
const IMAGES = [
  image('linux/disk10.img', { sizeBytes: 3, modified: '2026-01-03T00:00:00Z' }),
  image('linux/disk9.img', { sizeBytes: 3, format: 'qcow2', sha256: 'ab12'.repeat(16) }),
  image('Windows.vhdx', { sizeBytes: 1, format: 'vhdx', state: 'corrupt' }),
];
const BY_NAME: Sorting = { key: 'name', direction: 'ascending' };
const pathsOf = (images: readonly Image[]) => images.map(({ path }) => path);

it.each<[Sorting, string[]]>([
  [BY_NAME, ['linux/disk9.img', 'linux/disk10.img', 'Windows.vhdx']],
  [{ key: 'name', direction: 'descending' }, ['Windows.vhdx', 'linux/disk10.img', 'linux/disk9.img']],
  [{ key: 'size', direction: 'ascending' }, ['Windows.vhdx', 'linux/disk9.img', 'linux/disk10.img']],
  [{ key: 'size', direction: 'descending' }, ['linux/disk9.img', 'linux/disk10.img', 'Windows.vhdx']],
  [{ key: 'age', direction: 'ascending' }, ['linux/disk10.img', 'linux/disk9.img', 'Windows.vhdx']],
  [{ key: 'format', direction: 'ascending' }, ['linux/disk9.img', 'linux/disk10.img', 'Windows.vhdx']],
])('sorts by %j, and by name what is equal', (sorting, paths) => {
  expect(pathsOf(listImages(IMAGES, '', sorting))).toEqual(paths);
});

it.each([
  ['', 3],
  ['  ', 3],
  ['LINUX', 2],
  ['linux qcow', 1],
  ['sha256:ab12ab12', 1],
  ['corrupt', 1],
  ['absent', 0],
])('finds by %j', (search, count) => {
  expect(listImages(IMAGES, search, BY_NAME)).toHaveLength(count);
});

it('does not disturb the list it is given', () => {
  const before = pathsOf(IMAGES);
  listImages(IMAGES, '', { key: 'size', direction: 'ascending' });
  expect(pathsOf(IMAGES)).toEqual(before);
});

it.each([
  ['a/b/c.img', 'a/b/', 'c.img'],
  ['c.img', '', 'c.img'],
])('splits %s', (path, folder, name) => {
  expect(splitPath(path)).toEqual({ folder, name });
});
