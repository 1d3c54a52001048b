// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';

const HEX = /^[0-9a-f]{64}$/;

/**
 * The SHA-256 of a certificate as people paste it: hexadecimal digits in either case, with or without colons, as
 * openssl and browsers print it, with or without `sha256:` in front.
 *
 * @returns 64 lower-case hexadecimal digits; undefined: it is none
 */
export function parseFingerprint(text: string): string | undefined {
  const hex = text
    .trim()
    .toLowerCase()
    .replace(/^sha-?256(?::| fingerprint=)/, '')
    .replaceAll(':', '');
  return HEX.test(hex) ? hex : undefined;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The fingerprints of the certificates in a PEM text. @throws Error when one cannot be read, or there is none */
export function fingerprintsOf(pem: string): string[] {
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw new Error('no certificate stands there (PEM expected)');
  return found.map((each) => new X509Certificate(each).fingerprint256.replaceAll(':', '').toLowerCase());
}
