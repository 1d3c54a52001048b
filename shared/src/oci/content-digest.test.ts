// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { contentDigest } from './content-digest.ts';
import { formatDigest } from './digest.ts';

// FIPS 180-4, the message "abc".
it.each([
  [undefined, 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['sha512', /^sha512:ddaf35a193617abacc417349ae204131.{64}454d4423643ce80e2a9ac94fa54ca49f$/],
] as const)('is that of the bytes, by %s', (algorithm, expected) => {
  for (const content of ['abc', Buffer.from('abc')]) {
    expect(formatDigest(contentDigest(content, algorithm))).toMatch(expected);
  }
});
