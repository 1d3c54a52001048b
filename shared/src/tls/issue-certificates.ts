// SPDX-License-Identifier: Apache-2.0
// @peculiar/x509 2.2.0 needs the reflection metadata before it is loaded itself.
import 'reflect-metadata';
import { createPublicKey, type KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { TlsIdentity, Validity } from './tls-identity.ts';

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' };
/** RFC 5280 §4.1.2.2: positive, at most 20 octets. */
const SERIAL_BYTES = 16;
/** id-ce-cRLNumber (RFC 5280 §5.2.3). */
const CRL_NUMBER = '2.5.29.20';

function randomSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  // Positive in DER's two's complement, and always of full length.
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

const makeKeys = () => webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);

/**
 * Makes a certificate authority whose certificates are leaves alone. It has no name constraints (RFC 5280
 * §4.2.1.10): EVE dials addresses, and which ones, and which name, a datastore will have in the authority's twenty
 * years nobody knows; a constraint that permits every address and every name of one label permits what matters.
 */
export async function issueAuthority(commonName: string, validity: Validity): Promise<TlsIdentity> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: randomSerial(),
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
}

/** What a certificate is good for (RFC 5280 §4.2.1.12). */
export type LeafUsage = 'server' | 'client';

const EXTENDED_KEY_USAGES = {
  server: x509.ExtendedKeyUsage.serverAuth,
  client: x509.ExtendedKeyUsage.clientAuth,
} as const satisfies Record<LeafUsage, string>;

export interface LeafOptions extends Validity {
  readonly commonName: string;
  /** Host names and IP addresses; of a client there may be none. */
  readonly alternativeNames: readonly string[];
  /** A server's, where nothing is said. */
  readonly usage?: LeafUsage;
}

async function importSigningKey(authority: TlsIdentity): Promise<webcrypto.CryptoKey> {
  const [key] = x509.PemConverter.decode(authority.key);
  if (key === undefined) throw new TypeError('the authority has no key');
  return await webcrypto.subtle.importKey('pkcs8', key, KEY_ALGORITHM, false, ['sign']);
}

const alternativeNamesExtension = (names: readonly string[]) =>
  new x509.SubjectAlternativeNameExtension(
    names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
  );

/**
 * Makes a certificate of a server or a client, with a key of its own.
 *
 * @param authority what issueAuthority returned
 */
export async function issueLeaf(authority: TlsIdentity, options: LeafOptions): Promise<TlsIdentity> {
  const { usage = 'server', alternativeNames } = options;
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await importSigningKey(authority);
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    notBefore: options.notBefore,
    notAfter: options.notAfter,
    serialNumber: randomSerial(),
    subject: [{ CN: [options.commonName] }],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([EXTENDED_KEY_USAGES[usage]]),
      ...(alternativeNames.length === 0 ? [] : [alternativeNamesExtension(alternativeNames)]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
}

/** A certificate that its authority takes back. */
export interface Revocation {
  /** Hexadecimal. */
  readonly serial: string;
  readonly revokedAt: Date;
}

/**
 * Makes a list of the certificates that an authority takes back (RFC 5280 §5).
 *
 * @param options.number grows with every list (§5.2.3)
 * @returns PEM
 */
export async function issueRevocationList(
  authority: TlsIdentity,
  revocations: readonly Revocation[],
  options: { readonly number: number; readonly thisUpdate: Date; readonly nextUpdate: Date },
): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const list = await x509.X509CrlGenerator.create({
    issuer: issuer.subjectName,
    thisUpdate: options.thisUpdate,
    nextUpdate: options.nextUpdate,
    entries: revocations.map(({ serial, revokedAt }) => ({
      serialNumber: serial,
      revocationDate: revokedAt,
    })),
    extensions: [
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      new x509.Extension(CRL_NUMBER, false, derInteger(options.number)),
    ],
    signingKey: await importSigningKey(authority),
    signingAlgorithm: SIGNING_ALGORITHM,
  });
  // As RFC 7468 §6 calls it; the library itself says CRL.
  return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
}

/** A number from 0 to 2^47 - 1 in DER (X.690 §8.3): as few octets as there can be, the first bit 0. */
function derInteger(value: number): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  const content = (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return Buffer.concat([Buffer.of(0x02, content.length), content]);
}

/** What a list of revoked certificates (PEM) says. @throws Error when it is none */
export function readRevocationList(pem: string): {
  readonly number: number;
  readonly revocations: Revocation[];
} {
  const list = new x509.X509Crl(pem);
  const number = list.getExtension(CRL_NUMBER);
  return {
    number: number === null ? 0 : Number(`0x${Buffer.from(number.value).subarray(2).toString('hex')}`),
    revocations: list.entries.map(({ serialNumber, revocationDate }) => ({
      serial: serialNumber,
      revokedAt: revocationDate,
    })),
  };
}

/**
 * Makes a certificate that a key gives itself, for who takes keys as certificates only.
 *
 * @param key of the curve P-256
 * @returns PEM
 */
export async function issueOwn(commonName: string, key: KeyObject, validity: Validity): Promise<string> {
  const publicKey = createPublicKey(key).toCryptoKey(KEY_ALGORITHM, true, ['verify']);
  const privateKey = key.toCryptoKey(KEY_ALGORITHM, true, ['sign']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: randomSerial(),
    name: [{ CN: [commonName] }],
    keys: { publicKey, privateKey },
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
  });
  return `${certificate.toString('pem')}\n`;
}

/** Whether a certificate (PEM) holds a key. */
export const isOfKey = (pem: string, publicKey: KeyObject): boolean =>
  new X509Certificate(pem).publicKey.equals(publicKey);
