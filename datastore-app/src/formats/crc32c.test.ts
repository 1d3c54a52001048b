// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { crc32c } from './crc32c.ts';

// RFC 3720 §B.4, and the check value of the polynomial.
it.each([
  ['nothing', Buffer.alloc(0), 0],
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['the digits', Buffer.from('123456789'), 0xe3069283],
])('is right for %s', (_title, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});
