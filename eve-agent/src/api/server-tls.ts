// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { parseCertificates, parsePrivateKey } from '@local-datastore/shared/tls/pem';
import { parseRevocations, type Revocations } from './revocations.ts';

/** The files of mutual TLS; over TCP all but the last are needed. */
export interface TlsFiles {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Whoever comes must have a certificate of this authority. */
  readonly clientCa: string | undefined;
  /** And none that is named here: a CRL, or a list of serials. */
  readonly clientCrl?: string | undefined;
  /** What messages call them; else the options. */
  readonly settings?: TlsSettings;
}

/** What the files are called where they are set. */
export type TlsSettings = Readonly<Record<TlsFileName, string>>;
type TlsFileName = 'certificate' | 'key' | 'clientCa' | 'clientCrl';

/** What the service shows, and whom it takes. */
export interface ServerTls {
  readonly options: SecureContextOptions;
  /** PEM: what the chains of clients are verified by. */
  readonly authorities: Buffer;
  /** Whether an authority has issued a certificate itself, with none in between. */
  isIssuer(certificate: X509Certificate): boolean;
  readonly revocations: Revocations | null;
}

const MAX_FILE_BYTES = 16 * 1024 * 1024;

const OPTIONS: TlsSettings = {
  certificate: '--tls-certificate',
  key: '--tls-key',
  clientCa: '--client-ca',
  clientCrl: '--client-crl',
};

function readTlsFile(setting: string, file: string): Buffer {
  try {
    if (statSync(file).size > MAX_FILE_BYTES) throw new Error('it is too large');
    return readFileSync(file);
  } catch (error) {
    throw new ConfigurationError(`${setting} ${file} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** Says which file is wrong; the content itself is in no message. */
function parseFile<Result>(setting: string, file: string, parse: (bytes: Buffer) => Result): Result {
  const bytes = readTlsFile(setting, file);
  try {
    return parse(bytes);
  } catch (error) {
    throw new ConfigurationError(`${setting} ${file} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function parseAuthorities(pem: Buffer): X509Certificate[] {
  const authorities = parseCertificates(pem.toString('latin1'));
  // A server of Node 24 has no partial chains: without an end of its own no client would ever be let in.
  if (!authorities.some((each) => isIssuedBy(each, each))) {
    throw new Error(
      'it holds no root: add the certificate that issued what it holds, up to one that issued itself',
    );
  }
  return authorities;
}

/** Whether a certificate is valid at a time. */
export const isValidAt = ({ validFromDate, validToDate }: X509Certificate, wallMs: number) =>
  validFromDate.getTime() <= wallMs && wallMs <= validToDate.getTime();

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate) =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

/** Reads them all, and sees that they fit together. @throws ConfigurationError naming the option and the file */
export function readServerTls(files: TlsFiles): ServerTls {
  const { certificate, key, clientCa, clientCrl, settings = OPTIONS } = files;
  const use = <Result>(name: TlsFileName, file: string, parse: (bytes: Buffer) => Result): Result =>
    parseFile(settings[name], file, parse);
  if (certificate === undefined || key === undefined || clientCa === undefined) {
    const missing = certificate === undefined ? 'certificate' : key === undefined ? 'key' : 'clientCa';
    throw new ConfigurationError(
      `listening on TCP needs ${settings.certificate}, ${settings.key} and ${settings.clientCa}: ${settings[missing]} is missing`,
    );
  }
  const own = use('certificate', certificate, (pem) => ({
    pem,
    chain: parseCertificates(pem.toString('latin1')),
  }));
  const secret = use('key', key, (pem) => ({ pem, parsed: parsePrivateKey(pem.toString('latin1')) }));
  if (!own.chain[0]?.checkPrivateKey(secret.parsed)) {
    throw new ConfigurationError(
      `${settings.key} ${key} is not the key of ${settings.certificate} ${certificate}`,
    );
  }
  const ca = use('clientCa', clientCa, (pem) => ({ pem, parsed: parseAuthorities(pem) }));
  const revocations = clientCrl === undefined ? null : use('clientCrl', clientCrl, parseRevocations);
  const options = { cert: own.pem, key: secret.pem, ca: ca.pem };
  try {
    createSecureContext(options);
  } catch (error) {
    const why = errorMessage(error);
    throw new ConfigurationError(`the certificate, key or client authority cannot be used: ${why}`, {
      cause: error,
    });
  }
  return {
    options,
    revocations,
    authorities: ca.pem,
    isIssuer: (certificate) => ca.parsed.some((authority) => isIssuedBy(certificate, authority)),
  };
}
