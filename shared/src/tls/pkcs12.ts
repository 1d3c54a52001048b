// SPDX-License-Identifier: Apache-2.0
import {
  createHash,
  createHmac,
  createPrivateKey,
  randomBytes,
  randomInt,
  X509Certificate,
} from 'node:crypto';
import type { TlsIdentity } from './tls-identity.ts';

/** Object identifiers as DER has them. */
const OID = {
  data: '2a864886f70d010701',
  keyBag: '2a864886f70d010c0a0102',
  certificateBag: '2a864886f70d010c0a0103',
  x509Certificate: '2a864886f70d01091601',
  friendlyName: '2a864886f70d010914',
  localKeyId: '2a864886f70d010915',
  sha256: '608648016503040201',
} as const;

/** Tags of DER (X.690 §8). */
const TAG = {
  integer: 0x02,
  octets: 0x04,
  null: 0x05,
  oid: 0x06,
  bmp: 0x1e,
  sequence: 0x30,
  set: 0x31,
  explicit: 0xa0,
};

/** One for each character of a password: letters and digits that nobody takes for each other. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const GROUPS = 5;
const GROUP_LENGTH = 5;

const MAC_ITERATIONS = 10_000;
const SALT_BYTES = 16;
/** Of SHA-256 (RFC 7292, appendix B.2: v). */
const BLOCK_BYTES = 64;
/** Of appendix B.3: a key of a MAC. */
const MAC_KEY = 3;

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length), bytes, content]);
}
const sequence = (...parts: readonly Buffer[]) => der(TAG.sequence, ...parts);
const octets = (content: Buffer) => der(TAG.octets, content);
const oid = (hex: string) => der(TAG.oid, Buffer.from(hex, 'hex'));
/** Of two octets at most, the first bit of which is 0. */
const integer = (value: number) =>
  der(TAG.integer, value < 0x80 ? Buffer.of(value) : Buffer.of(value >> 8, value & 0xff));

/** Text in UTF-16, its first octet the higher one. */
const bmp = (text: string) => Buffer.from(text, 'utf16le').swap16();

/** RFC 7292 §4: what holds octets. */
const contentInfo = (content: Buffer) => sequence(oid(OID.data), der(TAG.explicit, octets(content)));

/** RFC 7292 §4.2. */
const bag = (kind: string, value: Buffer, attributes: Buffer) =>
  sequence(oid(kind), der(TAG.explicit, value), attributes);

const repeated = (bytes: Buffer) => Buffer.alloc(BLOCK_BYTES * Math.ceil(bytes.length / BLOCK_BYTES), bytes);

/** A key of as many octets as SHA-256 gives, from a password (RFC 7292, appendix B.2). */
function macKey(password: string, salt: Buffer): Buffer {
  const diversifier = Buffer.alloc(BLOCK_BYTES, MAC_KEY);
  // With the zero that ends it (appendix B.1).
  const seed = Buffer.concat([repeated(salt), repeated(bmp(`${password}\0`))]);
  let key = Buffer.concat([diversifier, seed]);
  for (let i = 0; i < MAC_ITERATIONS; i += 1) key = createHash('sha256').update(key).digest();
  return key;
}

/** A password that nobody guesses, and that can be typed. */
export function makePassword(): string {
  const group = () =>
    Array.from({ length: GROUP_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return Array.from({ length: GROUPS }, group).join('-');
}

/**
 * A certificate and its key as one file, as browsers take them (PKCS #12, RFC 7292): the key is encrypted by
 * AES-256, the whole is sealed by SHA-256.
 *
 * @param name what a browser lists it as
 * @param password characters of ASCII
 */
export function toPkcs12({ certificate, key }: TlsIdentity, name: string, password: string): Buffer {
  const { raw, fingerprint } = new X509Certificate(certificate);
  const encryptedKey = createPrivateKey(key).export({
    ...{ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: password },
  });
  // By the same identifier, key and certificate know each other.
  const keyId = Buffer.from(fingerprint.replaceAll(':', ''), 'hex');
  const attributes = der(
    TAG.set,
    sequence(oid(OID.friendlyName), der(TAG.set, der(TAG.bmp, bmp(name)))),
    sequence(oid(OID.localKeyId), der(TAG.set, octets(keyId))),
  );
  const certificateBag = sequence(oid(OID.x509Certificate), der(TAG.explicit, octets(raw)));
  const safes = sequence(
    contentInfo(sequence(bag(OID.certificateBag, certificateBag, attributes))),
    contentInfo(sequence(bag(OID.keyBag, encryptedKey, attributes))),
  );
  const salt = randomBytes(SALT_BYTES);
  const mac = createHmac('sha256', macKey(password, salt)).update(safes).digest();
  const algorithm = sequence(oid(OID.sha256), der(TAG.null));
  return sequence(
    integer(3),
    contentInfo(safes),
    sequence(sequence(algorithm, octets(mac)), octets(salt), integer(MAC_ITERATIONS)),
  );
}
