// SPDX-License-Identifier: Apache-2.0
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { expect, it } from 'vitest';
import { isWrongSize, judgeDigest } from './verdict.ts';

const [FOUND, OTHER] = [digestOfHex('a'.repeat(64)), digestOfHex('b'.repeat(64))];

it.each([
  ['the one that was wanted', FOUND, 'accepted'],
  ['another one', OTHER, 'wrong-digest'],
  ['one that nobody said anything of', null, 'accepted'],
])('judges a digest: %s', (_, digest, kind) => {
  expect(judgeDigest(FOUND, { digest })).toEqual({ kind, digest: FOUND });
});

it.each([
  [5, 5, false],
  [5, 6, true],
  [5, null, false],
  [0, 1, true],
])('judges a size: %i bytes where %s are wanted', (found, sizeBytes, isWrong) => {
  expect(isWrongSize(found, { sizeBytes })).toBe(isWrong);
});
