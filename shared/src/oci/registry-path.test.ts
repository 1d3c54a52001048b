// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { isRegistryPath, parseRegistryPath } from './registry-path.ts';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = `sha256:${HEX}`;
const digest = { algorithm: 'sha256', hex: HEX };
const LONG = { algorithm: 'sha512', hex: HEX + HEX };

it.each([
  ['/v2', true],
  ['/v2/', true],
  ['/v2/a', true],
  ['/v2//', true],
  ['/v2x', false],
  ['/V2/', false],
  ['//v2/', false],
  ['/%762/', false],
  ['/', false],
  ['/-/v2/', false],
])('%s is the registry’s: %s', (path, expected) => {
  expect(isRegistryPath(path)).toBe(expected);
});

it.each([
  ['/v2', { kind: 'base' }],
  ['/v2/', { kind: 'base' }],
  ['/v2//', { kind: 'base' }],
  ['/v2/_catalog', { kind: 'catalog' }],
  ['/v2/a/tags/list', { kind: 'tags', repository: 'a' }],
  ['/v2/a/b/c/tags/list', { kind: 'tags', repository: 'a/b/c' }],
  ['/v2/a/tags/list/', { kind: 'tags', repository: 'a' }],
  [`/v2/a/blobs/${DIGEST}`, { kind: 'blob', repository: 'a', digest }],
  [`/v2/a/blobs/sha512:${HEX}${HEX}`, { kind: 'blob', repository: 'a', digest: LONG }],
  ['/v2/a/blobs/uploads/', { kind: 'uploads', repository: 'a' }],
  ['/v2/a/blobs/uploads', { kind: 'uploads', repository: 'a' }],
  ['/v2/a/b/blobs/uploads/0f-_Z', { kind: 'upload', repository: 'a/b', id: '0f-_Z' }],
  ['/v2/a/manifests/latest', { kind: 'manifest', repository: 'a', reference: { tag: 'latest' } }],
  ['/v2/a/manifests/_', { kind: 'manifest', repository: 'a', reference: { tag: '_' } }],
  [`/v2/a/manifests/${DIGEST}`, { kind: 'manifest', repository: 'a', reference: { digest } }],
  [`/v2/a/referrers/${DIGEST}`, { kind: 'referrers', repository: 'a', digest }],
])('reads %s', (path, expected) => {
  expect(parseRegistryPath(path)).toEqual(expected);
});

describe('what endpoints are called by may stand in a name', () => {
  it.each([
    [
      '/v2/blobs/uploads/manifests/v1',
      { kind: 'manifest', repository: 'blobs/uploads', reference: { tag: 'v1' } },
    ],
    ['/v2/a/blobs/uploads/tags/list', { kind: 'tags', repository: 'a/blobs/uploads' }],
    [`/v2/a/blobs/uploads/blobs/${DIGEST}`, { kind: 'blob', repository: 'a/blobs/uploads', digest }],
    ['/v2/a/blobs/uploads/blobs/uploads/', { kind: 'uploads', repository: 'a/blobs/uploads' }],
    ['/v2/a/blobs/uploads/blobs/uploads/1', { kind: 'upload', repository: 'a/blobs/uploads', id: '1' }],
    ['/v2/tags/list/tags/list', { kind: 'tags', repository: 'tags/list' }],
    [
      '/v2/manifests/manifests/manifests',
      { kind: 'manifest', repository: 'manifests', reference: { tag: 'manifests' } },
    ],
    ['/v2/a/tags/manifests/list', { kind: 'manifest', repository: 'a/tags', reference: { tag: 'list' } }],
    ['/v2/a/manifests/tags/list', { kind: 'tags', repository: 'a/manifests' }],
    [`/v2/referrers/referrers/${DIGEST}`, { kind: 'referrers', repository: 'referrers', digest }],
    ['/v2/v2/v2/tags/list', { kind: 'tags', repository: 'v2/v2' }],
    ['/v2/a/blobs/uploads/uploads', { kind: 'upload', repository: 'a', id: 'uploads' }],
  ])('%s', (path, expected) => {
    expect(parseRegistryPath(path)).toEqual(expected);
  });
});

describe('percent-encoding is undone once', () => {
  it.each([
    [`/v2/a/blobs/sha256%3A${HEX}`, { kind: 'blob', repository: 'a', digest }],
    [`/v2/a/blobs/sha256%3a${HEX}`, { kind: 'blob', repository: 'a', digest }],
    ['/v2/a%2Fb/tags/list', { kind: 'tags', repository: 'a/b' }],
    ['/v2/%61/manifests/%76%31', { kind: 'manifest', repository: 'a', reference: { tag: 'v1' } }],
    ['/v2/a%2Fmanifests%2Fv1', { kind: 'manifest', repository: 'a', reference: { tag: 'v1' } }],
    ['/v2/a%252Fb/tags/list', { kind: 'invalid', code: 'NAME_INVALID' }],
    ['/v2/%/tags/list', { kind: 'invalid', code: 'NAME_INVALID' }],
    ['/v2/%c0%af/tags/list', { kind: 'invalid', code: 'NAME_INVALID' }],
    ['/v2/%2e%2e/tags/list', { kind: 'invalid', code: 'NAME_INVALID' }],
    ['/v2/a%00/tags/list', { kind: 'invalid', code: 'NAME_INVALID' }],
    ['/v2/a/manifests/%2e%2e', { kind: 'invalid', code: 'TAG_INVALID' }],
  ])('%s', (path, expected) => {
    expect(parseRegistryPath(path)).toMatchObject(expected);
  });
});

it.each([
  ['/v2/A/tags/list', 'NAME_INVALID', 'use "a"'],
  ['/v2/../tags/list', 'NAME_INVALID', ''],
  ['/v2/a/../b/tags/list', 'NAME_INVALID', ''],
  ['/v2/.a/manifests/v1', 'NAME_INVALID', ''],
  ['/v2//manifests/v1', 'NAME_INVALID', ''],
  ['/v2/a//b/manifests/v1', 'NAME_INVALID', ''],
  ['/v2/manifests/v1', 'NAME_INVALID', 'needs a name'],
  ['/v2/tags/list', 'NAME_INVALID', 'needs a name'],
  ['/v2/blobs/uploads/', 'NAME_INVALID', 'needs a name'],
  [`/v2/blobs/${DIGEST}`, 'NAME_INVALID', 'needs a name'],
  [`/v2/${'a'.repeat(256)}/tags/list`, 'NAME_INVALID', 'at most 255'],
  [`/v2/${'a/'.repeat(10_000)}tags/list`, 'NAME_INVALID', 'at most 255'],
  ['/v2/a/manifests/-v1', 'TAG_INVALID', 'A tag is'],
  [`/v2/a/manifests/${'x'.repeat(129)}`, 'TAG_INVALID', 'A tag is'],
  ['/v2/a/manifests/', 'unknown', ''],
  ['/v2/a/manifests/sha256:0', 'DIGEST_INVALID', 'A digest is'],
  [`/v2/a/manifests/sha256:${HEX.toUpperCase()}`, 'DIGEST_INVALID', 'A digest is'],
  [`/v2/a/manifests/md5:${HEX}`, 'DIGEST_INVALID', 'A digest is'],
  ['/v2/a/blobs/latest', 'DIGEST_INVALID', 'A digest is'],
  ['/v2/a/referrers/x', 'DIGEST_INVALID', 'A digest is'],
  ['/v2/a/blobs/uploads/a:b', 'unknown', ''],
  ['/v2/a', 'unknown', ''],
  ['/v2/a/b', 'unknown', ''],
  ['/v2/a/tags', 'unknown', ''],
  ['/v2/a/tags/list/more', 'unknown', ''],
  ['/v2/_catalog/a', 'unknown', ''],
  ['/v2/old.img', 'unknown', ''],
])('%s names nothing: %s', (path, code, reason) => {
  const parsed = parseRegistryPath(path);
  if (code === 'unknown') expect(parsed).toEqual({ kind: 'unknown' });
  else expect(parsed).toEqual({ kind: 'invalid', code, reason: expect.stringContaining(reason) });
});
