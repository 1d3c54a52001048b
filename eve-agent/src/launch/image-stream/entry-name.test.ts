// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { safeLinkTarget, safeName } from './entry-name.ts';

const unsafe = { code: 'ARCHIVE_UNSAFE' };
const thrownBy = (act: () => unknown) => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe('safeName', () => {
  it.each([
    ['a', 'a'],
    ['./a//b/', 'a/b'],
    ['././', ''],
    ['a..b/...', 'a..b/...'],
    ['sha256:ab', 'sha256:ab'],
  ])('%j is %j', (name, expected) => {
    expect(safeName(name)).toBe(expected);
  });
  it.each(['/a', '..', 'a/../b', './../a', 'a\\b', 'a\nb', 'a\ufffd', 'a'.repeat(513)])(
    '%j is refused',
    (name) => {
      expect(thrownBy(() => safeName(name))).toMatchObject(unsafe);
    },
  );
});

describe('safeLinkTarget', () => {
  it.each([
    ['a/b', '../c', true, 'c'],
    ['a/b', './c', true, 'a/c'],
    ['a/b/c', '../../d/e', true, 'd/e'],
    ['a/b', 'c/./d', false, 'c/d'],
  ])('%j to %j, symbolic: %j, leads to %j', (name, target, isSymbolic, expected) => {
    expect(safeLinkTarget(name, target, isSymbolic)).toBe(expected);
  });
  it.each([
    ['a', '../b', true],
    ['a/b', '../../c', true],
    ['a/b', '/c', true],
    ['a/b', '../c', false],
    ['a/b', '/c', false],
  ])('%j to %j, symbolic: %j, is refused', (name, target, isSymbolic) => {
    expect(thrownBy(() => safeLinkTarget(name, target, isSymbolic))).toMatchObject(unsafe);
  });
});
