// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';

test('passes, but leaves a rejection behind', async () => {
  Promise.reject(new Error('nobody waits for this'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(1).toBe(1);
});
