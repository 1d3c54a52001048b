// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { isWorthRetry } from './tus-options.ts';

it.each([
  [0, 'PATCH', true],
  [0, 'HEAD', true],
  [500, 'PATCH', true],
  [503, 'HEAD', true],
  [429, 'PATCH', true],
  [423, 'PATCH', true],
  [409, 'PATCH', true],
  [409, 'POST', false],
  [401, 'PATCH', false],
  [400, 'PATCH', false],
  [412, 'POST', false],
  [507, 'POST', false],
  [507, 'PATCH', false],
])('after %d to %s trying again makes sense: %j', (status, method, isWorth) => {
  expect(isWorthRetry(status, method)).toBe(isWorth);
});
