// @peculiar/x509 2.2.0 needs the reflection metadata before it is loaded itself.
import 'reflect-metadata';
import { createPublicKey, type KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { TlsIdentity } from './certificate-source.ts';

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' };
/** RFC 5280 §4.1.2.2: positive, at most 20 octets. */
const SERIAL_BYTES = 16;

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

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

export interface LeafOptions extends Validity {
  readonly commonName: string;
  /** Host names and IP addresses. */
  readonly alternativeNames: readonly string[];
}

/**
 * Makes a server's certificate, with a key of its own.
 *
 * @param authority what issueAuthority returned
 */
export async function issueLeaf(authority: TlsIdentity, options: LeafOptions): Promise<TlsIdentity> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const [authorityKey] = x509.PemConverter.decode(authority.key);
  if (authorityKey === undefined) throw new TypeError('the authority has no key');
  const signingKey = await webcrypto.subtle.importKey('pkcs8', authorityKey, KEY_ALGORITHM, false, ['sign']);
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
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        options.alternativeNames.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
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
