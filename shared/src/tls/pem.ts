// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { errorMessage } from '../errors.ts';

/** Also under the names of OpenSSL's older forms. */
const CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
/** Of PKCS #8, and of OpenSSL's older form. */
const ENCRYPTED_KEY = /^(?:-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED)/m;

/**
 * The certificates of a text (RFC 7468 §5), whatever stands around them.
 *
 * @returns at least one, in their order
 * @throws Error: one clause, in which "it" is the text
 */
export function parseCertificates(pem: string): X509Certificate[] {
  const texts = pem.match(CERTIFICATE) ?? [];
  if (texts.length === 0) throw new Error('it holds no PEM certificate ("BEGIN CERTIFICATE")');
  try {
    return texts.map((text) => new X509Certificate(text));
  } catch (error) {
    throw new Error(`it holds no valid certificate: ${errorMessage(error)}`, { cause: error });
  }
}

/**
 * The private key of a text (RFC 7468 §10).
 *
 * @throws Error: one clause, in which "it" is the text, and nothing of the key
 */
export function parsePrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const why = ENCRYPTED_KEY.test(pem)
      ? 'it is encrypted: give one without a passphrase that only its owner can read'
      : 'it holds no PEM private key';
    throw new Error(why, { cause: error });
  }
}
