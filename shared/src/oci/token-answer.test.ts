// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { readToken } from './token-answer.ts';

it.each([
  ['{"token":"abc"}', 'abc'],
  ['{"access_token":"abc"}', 'abc'],
  ['{"token":"","access_token":"abc","expires_in":300}', 'abc'],
  ['{}', null],
  ['{"token":7}', null],
  ['{"token":"a b"}', null],
  ['{"token":"a\\r\\nx: y"}', null],
  [`{"token":"${'a'.repeat(20_000)}"}`, null],
  ['[]', null],
  ['<html>', null],
  ['', null],
])('reads the token of %.40s', (body, token) => {
  expect(readToken(body)).toBe(token);
});
