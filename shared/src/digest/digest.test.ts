// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { type DigestAlgorithm, digestFromHex, HEX_DIGITS } from './digest.ts';

it.each(Object.entries(HEX_DIGITS) as [DigestAlgorithm, number][])(
  '%s has %d digits',
  (algorithm, digits) => {
    const hex = createHash(algorithm).update('x').digest('hex');
    expect(hex).toHaveLength(digits);
    expect(digestFromHex(algorithm, hex.toUpperCase())).toEqual({ algorithm, hex });
    for (const text of ['', hex.slice(1), `${hex}0`, `g${hex.slice(1)}`, ` ${hex.slice(1)}`, `${hex}\n`]) {
      expect(digestFromHex(algorithm, text)).toBeUndefined();
    }
  },
);
