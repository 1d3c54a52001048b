// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseKeyPath, parseKeyPattern } from './key-path.ts';
import { checkRights, judgeAccess, type KeyRight, type StoreOperation } from './rights.ts';

/** As the calf that parses the network may have them. */
const RIGHTS: readonly KeyRight[] = [
  { pattern: '/bridges/*', mayRead: true, mayWrite: false },
  { pattern: '/datastore/*/fqdn', mayRead: true, mayWrite: false },
  { pattern: '/resolved/*/ip', mayRead: false, mayWrite: true },
  { pattern: '/download/**', mayRead: false, mayWrite: true },
  { pattern: '/hello', mayRead: true, mayWrite: true },
  { pattern: '/nothing', mayRead: false, mayWrite: false },
];

describe('rights', () => {
  it.each<[StoreOperation, string, boolean]>([
    ['read', '/bridges/bn1', true],
    ['read', '/bridges', false],
    ['read', '/bridges/bn1/address', false],
    ['write', '/bridges/bn1', false],
    ['delete', '/bridges/bn1', false],
    ['read', '/datastore/7/fqdn', true],
    ['read', '/datastore/7/password', false],
    ['write', '/resolved/ds.local/ip', true],
    ['delete', '/resolved/ds.local/ip', true],
    ['read', '/resolved/ds.local/ip', false],
    ['write', '/download/7/state', true],
    ['write', '/download', false],
    ['read', '/hello', true],
    ['write', '/hello', true],
    ['read', '/nothing', false],
    ['write', '/nothing', false],
    ['read', '/something', false],
  ])('%s %s: %s', (operation, path, isPermitted) => {
    expect(judgeAccess(RIGHTS, operation, parseKeyPath(path))).toBe(isPermitted);
  });

  it.each([
    ['/bridges/*', true],
    ['/bridges/bn1', true],
    ['/bridges/**', false],
    ['/*/*', false],
    ['/**', false],
    ['/datastore/*/fqdn', true],
    ['/datastore/7/fqdn', true],
    ['/datastore/*/*', false],
    ['/resolved/*/ip', false],
    ['/download/**', false],
  ])('watch %s: %s', (pattern, isPermitted) => {
    expect(judgeAccess(RIGHTS, 'watch', parseKeyPattern(pattern))).toBe(isPermitted);
  });

  it('are none without a row', () => {
    expect(judgeAccess([], 'read', ['a'])).toBe(false);
  });

  it('are checked before they are used', () => {
    expect(() => checkRights(RIGHTS)).not.toThrow();
    expect(() => checkRights([...RIGHTS, { pattern: '/a/**/b', mayRead: true, mayWrite: true }])).toThrow(
      '"/a/**/b" is no pattern of keys',
    );
  });
});
