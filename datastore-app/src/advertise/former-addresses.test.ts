// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { createFormerAddresses } from './former-addresses.ts';

test('remembers an address for as long as an echo may take', () => {
  let now = 0;
  const former = createFormerAddresses({ nowMs: () => now });
  former.note(['10.1.0.5', '10.1.0.6']);
  expect(former.has('10.1.0.5')).toBe(false);
  former.note(['10.1.0.6']);
  expect([former.has('10.1.0.5'), former.has('10.1.0.6'), former.has('10.1.0.7')]).toEqual([
    true,
    false,
    false,
  ]);
  now = 9_999;
  former.note(['10.1.0.6']);
  expect(former.has('10.1.0.5')).toBe(true);
  now = 10_000;
  expect(former.has('10.1.0.5')).toBe(false);
});
