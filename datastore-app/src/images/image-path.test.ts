// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { isImagePath, isVisibleName, MAX_DEPTH, parseImagePath, pathOfTarget } from './image-path.ts';

it.each([
  ['/a.img', 'a.img'],
  ['/images/edge/disk.qcow2', 'images/edge/disk.qcow2'],
  ['//images///a.img', 'images/a.img'],
  ['/with%20space%2B%25.img', 'with space+%.img'],
  ['/%c3%a4.img', 'ä.img'],
  // Undone once, and no more: a name that looks encoded.
  ['/%252e%252e', '%2e%2e'],
  ['/a..b/c...', 'a..b/c...'],
  ['/sub/-/a', 'sub/-/a'],
])('reads %s', (urlPath, path) => {
  expect(parseImagePath(urlPath)).toBe(path);
});

it.each([
  '',
  '/',
  'a.img',
  '/dir/',
  '/../etc/passwd',
  '/a/../../etc/passwd',
  '/%2e%2e/etc/passwd',
  '/.%2e/etc/passwd',
  '/..%2fetc%2fpasswd',
  '/a%2fb',
  '/..%5cetc',
  '/..\\etc',
  '/./a',
  '/%2e/a',
  '/.hidden',
  '/sub/.hidden/a',
  '/%2ehidden',
  '/lost+found/a',
  '/lost%2bfound/a',
  '/sub/lost+found',
  '/-/api',
  '/%2d/api',
  '/a%00.img',
  '/a%0a.img',
  '/a%7f',
  '/%',
  '/%zz',
  '/%ff',
  `/${'a'.repeat(256)}`,
  `/${'ä'.repeat(128)}`,
  `/${Array(MAX_DEPTH + 1)
    .fill('d')
    .join('/')}`,
  `/${Array(6).fill('a'.repeat(200)).join('/')}`,
])('refuses %j', (urlPath) => {
  expect(parseImagePath(urlPath)).toBeUndefined();
});

it('takes names and paths up to the limits', () => {
  expect(isVisibleName('a'.repeat(255))).toBe(true);
  expect(isVisibleName('ä'.repeat(127))).toBe(true);
  expect(isImagePath(Array(MAX_DEPTH).fill('d').join('/'))).toBe(true);
});

it.each([
  ['/a?b=c', '/a'],
  ['/a?b?c', '/a'],
  ['http://10.1.0.5:80/a/b?c', '/a/b'],
  ['HTTP://10.1.0.5', '/'],
  ['*', '*'],
  ['', ''],
])('takes the path out of the request target %s', (target, path) => {
  expect(pathOfTarget(target)).toBe(path);
});
