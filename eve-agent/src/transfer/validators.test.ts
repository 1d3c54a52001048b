// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { ifRangeOf, isContradicted, readStatedSha256, readValidators } from './validators.ts';

const hex = 'ab'.repeat(32);
const base64 = Buffer.from(hex, 'hex').toString('base64');
const modified = 'Thu, 01 Jan 2026 00:00:00 GMT';

describe('readValidators', () => {
  it('takes strong entity tags alone', () => {
    expect(readValidators({ etag: '"a"' }).etag).toBe('"a"');
    expect(readValidators({ etag: 'W/"a"' }).etag).toBeNull();
    expect(readValidators({ etag: 'a' }).etag).toBeNull();
    expect(readValidators({ etag: ['"a"', '"b"'] }).etag).toBeNull();
  });

  it('takes a modification date only when the file cannot have changed again within that second', () => {
    const later = 'Thu, 01 Jan 2026 00:00:01 GMT';
    expect(readValidators({ 'last-modified': modified, date: later }).lastModified).toBe(modified);
    expect(readValidators({ 'last-modified': modified, date: modified }).lastModified).toBeNull();
    expect(readValidators({ 'last-modified': modified }).lastModified).toBeNull();
  });
});

describe('ifRangeOf', () => {
  it('prefers the tag', () => {
    expect(ifRangeOf({ etag: '"a"', lastModified: modified })).toBe('"a"');
    expect(ifRangeOf({ etag: null, lastModified: modified })).toBe(modified);
    expect(ifRangeOf({ etag: null, lastModified: null })).toBeNull();
  });
});

describe('isContradicted', () => {
  it('compares the tags where both are there, the dates otherwise', () => {
    const stored = { etag: '"a"', lastModified: modified };
    expect(isContradicted(stored, { etag: '"a"', 'last-modified': 'x' })).toBe(false);
    expect(isContradicted(stored, { etag: '"b"', 'last-modified': modified })).toBe(true);
    expect(isContradicted(stored, { 'last-modified': 'x' })).toBe(true);
    expect(isContradicted(stored, {})).toBe(false);
  });
});

describe('readStatedSha256', () => {
  it.each([
    [{ 'repr-digest': `sha-256=:${base64}:` }, hex],
    [{ 'repr-digest': `sha-512=:xxxx:, sha-256=:${base64}:` }, hex],
    [{ etag: `"sha256:${hex}"` }, hex],
    [{ etag: `W/"sha256:${hex}"` }, null],
    [{ 'repr-digest': 'sha-256=:short:' }, null],
    [{ 'repr-digest': `x-sha-256=:${base64}:` }, null],
    [{}, null],
  ])('%o', (headers, expected) => {
    expect(readStatedSha256(headers)).toBe(expected);
  });
});
