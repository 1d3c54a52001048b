// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

test('fails', () => expect(1).toBe(2));

test('passes beside it', () => expect(1).toBe(1));

describe('a hook that fails', () => {
  afterAll(() => {
    throw new Error('the clean-up went wrong');
  });
  test('passes before the hook', () => expect(1).toBe(1));
});

describe('a hook that fails first', () => {
  beforeAll(() => {
    throw new Error('the preparation went wrong');
  });
  test('never runs', () => expect(1).toBe(1));
});
