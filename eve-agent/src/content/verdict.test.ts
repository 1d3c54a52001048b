import { expect, it } from 'vitest';
import { isWrongSize, judgeDigest } from './verdict.ts';

const [FOUND, OTHER] = ['a'.repeat(64), 'b'.repeat(64)];

it.each([
  ['the one that was wanted', FOUND, 'accepted'],
  ['another one', OTHER, 'wrong-digest'],
  ['one that nobody said anything of', null, 'accepted'],
])('judges a digest: %s', (_, sha256, kind) => {
  expect(judgeDigest(FOUND, { sha256 })).toEqual({ kind, sha256: FOUND });
});

it.each([
  [5, 5, false],
  [5, 6, true],
  [5, null, false],
  [0, 1, true],
])('judges a size: %i bytes where %s are wanted', (found, sizeBytes, isWrong) => {
  expect(isWrongSize(found, { sizeBytes })).toBe(isWrong);
});
