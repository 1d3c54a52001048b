// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { watchNames } from './watch-names.ts';

test('looks again when some time has passed', () => {
  let now = 0;
  let paths = ['v2'];
  const warning = watchNames(
    { paths: () => paths, revision: () => String(paths.length), nowMs: () => now },
    (all) => [...all][0],
  );
  expect(warning()).toBe('v2');
  paths = [];
  now = 9_999;
  expect(warning()).toBe('v2');
  now = 10_000;
  expect(warning()).toBeUndefined();
});
