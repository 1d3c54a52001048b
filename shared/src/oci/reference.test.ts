// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import {
  formatImageReference,
  isRepositoryName,
  isTag,
  parseImageReference,
  parseManifestReference,
  whyNoRepositoryName,
} from './reference.ts';

const HEX = '0123456789abcdef'.repeat(4);

it.each([
  'a',
  '0',
  'nginx',
  'library/nginx',
  'project/group/name',
  'a.b/c_d/e__f/g-h/i--j/k---l',
  'manifests',
  'blobs/uploads',
  'v2/tags/list',
  `${'a/'.repeat(127)}b`,
  'x'.repeat(255),
])('%s is the name of a repository', (name) => {
  expect(isRepositoryName(name)).toBe(true);
  expect(whyNoRepositoryName(name)).toBeUndefined();
});

it.each([
  ['', 'needs a name'],
  ['Library/nginx', 'use "library/nginx"'],
  ['a/B', 'use "a/b"'],
  ['x'.repeat(256), 'at most 255'],
  ...[
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    'a/..',
    'a/../b',
    '.a',
    'a.',
    'a..b',
    '_a',
    'a_',
    'a___b',
    '-a',
    'a-',
    'a._b',
    'a-_b',
  ].map((name): [string, string] => [name, 'lower-case letters and digits']),
  ...['a b', 'a%2fb', 'a\\b', 'a:b', 'a@b', 'ä', 'a\n', 'a\u0000', 'ａ', '_B'].map(
    (name): [string, string] => [name, 'lower-case letters and digits'],
  ),
])('%j is none', (name, reason) => {
  expect(isRepositoryName(name)).toBe(false);
  expect(whyNoRepositoryName(name)).toContain(reason);
});

it.each(['latest', 'v1.2.3', '_', 'A', '0-a_b.c', 'x'.repeat(128), `sha256-${HEX}`])('%s is a tag', (tag) => {
  expect(isTag(tag)).toBe(true);
  expect(parseManifestReference(tag)).toEqual({ tag });
});

it.each(['', '.a', '-a', 'a/b', 'a:b', 'a b', 'ä', 'a\n', 'x'.repeat(129), '..', '%61'])(
  '%j is none',
  (tag) => {
    expect(isTag(tag)).toBe(false);
    expect(parseManifestReference(tag)).toBeUndefined();
  },
);

it('takes a digest for one', () => {
  expect(parseManifestReference(`sha256:${HEX}`)).toEqual({ digest: { algorithm: 'sha256', hex: HEX } });
  expect(parseManifestReference(`sha256:${HEX}0`)).toBeUndefined();
});

const digest = { algorithm: 'sha256', hex: HEX };
it.each([
  ['ds.local/a', { host: 'ds.local', repository: 'a' }],
  ['ds.local/a:v1', { host: 'ds.local', repository: 'a', tag: 'v1' }],
  ['ds.local:8080/a/b:v1', { host: 'ds.local:8080', repository: 'a/b', tag: 'v1' }],
  ['localhost/a', { host: 'localhost', repository: 'a' }],
  ['192.0.2.1:5000/a', { host: '192.0.2.1:5000', repository: 'a' }],
  ['[fe80::1]:5000/a', { host: '[fe80::1]:5000', repository: 'a' }],
  ['[::ffff:192.0.2.1]/a', { host: '[::ffff:192.0.2.1]', repository: 'a' }],
  [`ds.local/a@sha256:${HEX}`, { host: 'ds.local', repository: 'a', digest }],
  [`ds.local:1/a/b:v1@sha256:${HEX}`, { host: 'ds.local:1', repository: 'a/b', tag: 'v1', digest }],
  ['DS.local/a', { host: 'DS.local', repository: 'a' }],
])('reads %s and writes it again', (text, reference) => {
  expect(parseImageReference(text)).toEqual({ kind: 'reference', reference });
  expect(formatImageReference(reference as Parameters<typeof formatImageReference>[0])).toBe(text);
});

it.each([
  ['', 'a host, "/"'],
  ['nginx', 'a host, "/"'],
  ['/a', 'a host, "/"'],
  ['a b/c', 'no name of a host'],
  ['http://ds.local/a', 'no name of a host'],
  ['user@ds.local/a', 'no name of a host'],
  ['-ds/a', 'no name of a host'],
  ['ds.local:/a', 'no name of a host'],
  ['ds.local:123456/a', 'no name of a host'],
  ['fe80::1/a', 'no name of a host'],
  [`${'x'.repeat(256)}/a`, 'no name of a host'],
  ['ds.local/', 'needs a name'],
  ['ds.local/A', 'use "a"'],
  ['ds.local/a:', 'A tag is'],
  ['ds.local/a:b:c', 'A tag is'],
  ['ds.local/a:v1/b', 'A tag is'],
  ['ds.local/a@', 'no digest'],
  ['ds.local/a@sha256:abc', 'no digest'],
  [`ds.local/a@sha256:${HEX}@sha256:${HEX}`, 'no digest'],
])('says what is wrong with %j', (text, reason) => {
  expect(parseImageReference(text)).toEqual({ kind: 'invalid', reason: expect.stringContaining(reason) });
});
