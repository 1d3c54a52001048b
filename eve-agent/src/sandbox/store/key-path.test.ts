// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { coversPattern, isKeyPattern, keyPathText, parseKeyPath, parseKeyPattern } from './key-path.ts';
import { StoreError } from './store-error.ts';

const LONGEST = `/${Array.from({ length: 16 }, () => 'x'.repeat(64)).join('/')}`;

describe('a path', () => {
  it.each([
    ['/ip', ['ip']],
    ['/nameserver/001', ['nameserver', '001']],
    ['/datastore/7f6c/fqdn', ['datastore', '7f6c', 'fqdn']],
    ['/resolved/my-ds.local/ip', ['resolved', 'my-ds.local', 'ip']],
    ['/a/...', ['a', '...']],
    ['/a/.b', ['a', '.b']],
    ['/!~"\\/x:y@z', ['!~"\\', 'x:y@z']],
    [LONGEST, Array.from({ length: 16 }, () => 'x'.repeat(64))],
  ])('%s is read, and told again', (text, path) => {
    expect(parseKeyPath(text)).toEqual(path);
    expect(keyPathText(parseKeyPath(text))).toBe(text);
  });

  it.each([
    ['nothing', ''],
    ['a slash alone', '/'],
    ['no slash at the beginning', 'a/b'],
    ['a slash at the end', '/a/'],
    ['two slashes', '/a//b'],
    ['a component for here', '/a/./b'],
    ['a component for above', '/a/..'],
    ['a component of 65 bytes', `/${'x'.repeat(65)}`],
    ['17 components', '/x'.repeat(17)],
    ['very many components', '/x'.repeat(1_000_000)],
    ['a space', '/a b'],
    ['a NUL', '/a\0'],
    ['a line break', '/a\n'],
    ['an escape', '/\u001b[2J'],
    ['DEL', '/a\u007f'],
    ['another script', '/ä'],
    ['a star', '/a/*'],
    ['a star in a component', '/a/b*'],
    ['two stars', '/**'],
  ])('is not %s', (_, text) => {
    expect(() => parseKeyPath(text)).toThrow(StoreError);
    expect(() => parseKeyPath(text)).toThrow(/^"[\s\S]{0,80}" is no path of a key$/);
  });
});

describe('a pattern', () => {
  it.each(['/a', '/*', '/**', '/a/*/b', '/*/*', '/a/*/**', LONGEST])('%s is read, and told again', (text) => {
    expect(keyPathText(parseKeyPattern(text))).toBe(text);
  });

  it.each(['', '/', 'a', '/**/a', '/a*', '/a/***', '/a/b**', '/a//**', '/..', `${LONGEST}/**`])(
    'is not "%s"',
    (text) => {
      expect(() => parseKeyPattern(text)).toThrow(/is no pattern of keys$/);
    },
  );

  it('has at least one component, wherever it came from', () => {
    expect(isKeyPattern([])).toBe(false);
  });
});

describe('a pattern covers', () => {
  it.each([
    ['/a', '/a', true],
    ['/a', '/b', false],
    ['/a', '/a/b', false],
    ['/a/b', '/a', false],
    ['/*', '/a', true],
    ['/*', '/a/b', false],
    ['/a/*/c', '/a/b/c', true],
    ['/a/*/c', '/a/b/d', false],
    ['/a/*', '/a', false],
    ['/a/**', '/a', false],
    ['/a/**', '/a/b', true],
    ['/a/**', '/a/b/c/d', true],
    ['/a/**', '/b/c', false],
    ['/a/*/**', '/a/b', false],
    ['/a/*/**', '/a/b/c', true],
    ['/**', '/a', true],
    // A pattern within another.
    ['/a/*', '/a/*', true],
    ['/a/b', '/a/*', false],
    ['/a/*', '/a/**', false],
    ['/a/**', '/a/*', true],
    ['/a/**', '/a/**', true],
    ['/a/**', '/a/*/**', true],
    ['/a/*/**', '/a/**', false],
    ['/**', '/**', true],
    ['/*', '/**', false],
    ['/a/b/**', '/a/**', false],
  ])('%s %s: %s', (pattern, other, isCovered) => {
    expect(coversPattern(parseKeyPattern(pattern), parseKeyPattern(other))).toBe(isCovered);
  });
});
