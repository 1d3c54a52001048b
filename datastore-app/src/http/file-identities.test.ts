// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { FileVersion } from '../content/file-version.ts';
import { createFileIdentities } from './file-identities.ts';
import { reprDigest, validatorsOf } from './validators.ts';

const VERSION: FileVersion = { sizeBytes: 5, mtimeNs: 10n, ctimeNs: 11n, inode: 2n, device: 3n };
const SHA256 = 'a'.repeat(64);

it('says of a file what its version and its digest come to, again and again', () => {
  const identityOf = createFileIdentities();
  const expected = { validators: validatorsOf(VERSION, SHA256), reprDigest: reprDigest(SHA256) };
  const first = identityOf('a.img', VERSION, SHA256);
  expect(first).toMatchObject(expected);
  expect(identityOf('a.img', { ...VERSION }, SHA256)).toBe(first);
  expect(identityOf('b.img', VERSION, undefined)).toMatchObject({
    validators: validatorsOf(VERSION),
    reprDigest: undefined,
  });
});

it.each([
  ['size', { sizeBytes: 6 }],
  ['modification time', { mtimeNs: 12n }],
  ['change time', { ctimeNs: 12n }],
  ['inode', { inode: 4n }],
  ['device', { device: 4n }],
])('says nothing of before when the %s is another', (_, change) => {
  const identityOf = createFileIdentities();
  identityOf('a.img', VERSION, undefined);
  const version = { ...VERSION, ...change };
  expect(identityOf('a.img', version, undefined).validators).toEqual(validatorsOf(version));
  expect(identityOf('a.img', VERSION, undefined).validators).toEqual(validatorsOf(VERSION));
});

it('says nothing of before when a digest becomes known, is another, or is known no more', () => {
  const identityOf = createFileIdentities();
  const digests = [undefined, SHA256, 'b'.repeat(64), undefined];
  for (const sha256 of digests) {
    expect(identityOf('a.img', VERSION, sha256).validators).toEqual(validatorsOf(VERSION, sha256));
  }
});

it('forgets the oldest of too many', () => {
  const identityOf = createFileIdentities(2);
  const [a, b] = ['a', 'b'].map((path) => identityOf(path, VERSION, undefined));
  expect(identityOf('a', VERSION, undefined)).toBe(a);
  identityOf('c', VERSION, undefined);
  expect(identityOf('b', VERSION, undefined)).toBe(b);
  expect(identityOf('a', VERSION, undefined)).not.toBe(a);
});
