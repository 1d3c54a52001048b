// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from 'node:crypto';
import { DER, type DerElement, readDer, readDerTime } from './der.ts';

/** Which certificates of clients are revoked. */
export interface Revocations {
  isRevoked(certificate: X509Certificate): boolean;
  /** How many. */
  readonly count: number;
  /** When a newer list should have come, in milliseconds since the epoch; null: nobody says. */
  readonly nextUpdateMs: number | null;
}

const PEM_CRL = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g;
/** As `openssl x509 -serial` prints it, or any other hexadecimal form. */
const SERIAL_LINE = /^(?:serial\s*=\s*)?(?:0x)?([0-9a-fA-F]{1,2}(?::?[0-9a-fA-F]{1,2})*)$/i;
const CRL_BEGIN = '-----BEGIN X509 CRL-----';
const CUT_SHORT = 'it holds a CRL that is damaged or cut short';
const ANY_ISSUER = '';

/** A list is longer than 127 bytes, so its length has the long form; the first byte is a digit in a text, too. */
const isDer = ([first = 0, second = 0]: Buffer) => first === DER.sequence && second > 0x80;

const plainSerial = (hex: string) =>
  hex
    .replaceAll(':', '')
    .toLowerCase()
    .replace(/^0+(?=.)/, '');

const keyOf = (issuer: Buffer | null, serial: string) =>
  `${issuer === null ? ANY_ISSUER : issuer.toString('base64')} ${plainSerial(serial)}`;

function elementAt(elements: readonly DerElement[], index: number, tag: number): DerElement {
  const element = elements[index];
  if (element?.tag !== tag) throw new RangeError('an element of another kind stands there');
  return element;
}

/** RFC 5280 §5.1: what a list says, without its proof: who may write the file may also replace the authority. */
function readCrl(bytes: Buffer) {
  const list = elementAt(readDer(bytes), 0, DER.sequence);
  const signed = readDer(elementAt(readDer(list.content), 0, DER.sequence).content);
  const start = signed[0]?.tag === DER.integer ? 1 : 0;
  elementAt(signed, start, DER.sequence);
  const issuer = elementAt(signed, start + 1, DER.sequence).whole;
  const [thisUpdate, ...rest] = signed.slice(start + 2);
  if (thisUpdate === undefined || readDerTime(thisUpdate) === null) throw new RangeError('it has no time');
  const nextUpdateMs = rest[0] === undefined ? null : readDerTime(rest[0]);
  const revoked = rest[nextUpdateMs === null ? 0 : 1];
  // Extensions alone may follow.
  const entries = revoked?.tag === DER.sequence ? readDer(revoked.content) : [];
  const serials = entries.map(({ content }) =>
    elementAt(readDer(content), 0, DER.integer).content.toString('hex'),
  );
  return { issuer, nextUpdateMs, serials };
}

function readSerials(text: string): string[] | null {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim());
  const serials = lines.filter((line) => line !== '').map((line) => SERIAL_LINE.exec(line)?.[1]);
  return serials.every((serial) => serial !== undefined) ? serials : null;
}

/** RFC 5280 §4.1: the issuer as it stands in the certificate. */
function issuerOf({ raw }: X509Certificate): Buffer {
  const certificate = elementAt(readDer(raw), 0, DER.sequence);
  const fields = readDer(elementAt(readDer(certificate.content), 0, DER.sequence).content);
  // Before it stand the version, unless it is 1, the serial and the algorithm.
  return elementAt(fields, fields[0]?.tag === DER.integer ? 2 : 3, DER.sequence).whole;
}

/**
 * Reads certificate revocation lists (X.509, PEM or DER), or a text with the serial of a certificate a line.
 *
 * @throws Error when it is neither
 */
export function parseRevocations(bytes: Buffer): Revocations {
  const text = bytes.toString('latin1');
  const pems = [...text.matchAll(PEM_CRL)].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
  if (text.split(CRL_BEGIN).length - 1 !== pems.length) throw new Error(CUT_SHORT);
  const ders = isDer(bytes) ? [bytes] : pems;
  const serials = ders.length === 0 ? readSerials(text) : [];
  // What a writer has not written yet would let everybody in again.
  if (bytes.length === 0) throw new Error('it is empty: a comment ("# none") says that nobody is revoked');
  if (serials === null)
    throw new Error('it is neither a CRL (PEM or DER) nor a list of serials in hexadecimal');
  const keys = new Set(serials.map((serial) => keyOf(null, serial)));
  let nextUpdateMs: number | null = null;
  for (const der of ders) {
    let crl: ReturnType<typeof readCrl>;
    try {
      crl = readCrl(der);
    } catch (error) {
      throw new Error(CUT_SHORT, { cause: error });
    }
    for (const serial of crl.serials) keys.add(keyOf(crl.issuer, serial));
    if (crl.nextUpdateMs !== null)
      nextUpdateMs = Math.min(nextUpdateMs ?? crl.nextUpdateMs, crl.nextUpdateMs);
  }
  return {
    count: keys.size,
    nextUpdateMs,
    isRevoked: (certificate) =>
      keys.has(keyOf(null, certificate.serialNumber)) ||
      keys.has(keyOf(issuerOf(certificate), certificate.serialNumber)),
  };
}
