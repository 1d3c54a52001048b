// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { fingerprintOf, foldersOf, normalFolder, parseSha256, pathIn } from './upload-plan.ts';

it.each([
  ['', ''],
  ['/', ''],
  [' linux ', 'linux'],
  ['/linux//base/', 'linux/base'],
  ['linux / base', 'linux/base'],
])('normalFolder: %j is %j', (folder, normal) => {
  expect(normalFolder(folder)).toBe(normal);
});

it('pathIn puts a file into a folder', () => {
  expect(pathIn('/linux/', 'disk.img')).toBe('linux/disk.img');
  expect(pathIn(' ', 'dropped/disk.img')).toBe('dropped/disk.img');
});

it('foldersOf names every folder once, with those above', () => {
  expect(foldersOf(['a/b/1', 'a/b/2', 'c/3', '4'])).toEqual(['a', 'a/b', 'c']);
});

const SHA256 = 'ab'.repeat(32);
it.each([
  ['', undefined],
  [' ', undefined],
  [SHA256.toUpperCase(), SHA256],
  [`sha256:${SHA256}`, SHA256],
  [`${SHA256}  disk.img\n`, SHA256],
  ['ab', null],
  [`${SHA256}0`, null],
])('parseSha256: %j', (text, sha256) => {
  expect(parseSha256(text)).toBe(sha256);
});

it('fingerprintOf tells files apart, and a changed file from what it was', () => {
  const file = (name: string, text: string, lastModified: number) => new File([text], name, { lastModified });
  const prints = [
    fingerprintOf('a', file('x', '1', 1)),
    fingerprintOf('b', file('x', '1', 1)),
    fingerprintOf('a', file('y', '1', 1)),
    fingerprintOf('a', file('x', '12', 1)),
    fingerprintOf('a', file('x', '1', 2)),
  ];
  expect(new Set(prints).size).toBe(prints.length);
  expect(fingerprintOf('a', file('x', '1', 1))).toBe(prints[0]);
});
