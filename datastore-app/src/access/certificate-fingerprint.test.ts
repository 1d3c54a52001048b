// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { fingerprintsOf, parseFingerprint } from './certificate-fingerprint.ts';

const HEX = '0123456789abcdef'.repeat(4);
const COLONS = HEX.toUpperCase().replace(/..(?=.)/g, '$&:');

it.each([
  [HEX, HEX],
  [HEX.toUpperCase(), HEX],
  [COLONS, HEX],
  [`sha256:${HEX}`, HEX],
  [`SHA256 Fingerprint=${COLONS}`, HEX],
  [` ${HEX}\n`, HEX],
  [HEX.slice(1), undefined],
  [`${HEX}0`, undefined],
  [`sha1:${HEX}`, undefined],
  ['', undefined],
])('%s', (text, hex) => expect(parseFingerprint(text)).toBe(hex));

it.each([[''], ['-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----']])(
  'finds no certificate in %j',
  (pem) => expect(() => fingerprintsOf(pem)).toThrow('no certificate'),
);
