import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';

/** The files of a client of the API on TCP. */
export interface ClientTlsFiles {
  readonly clientCertificate: string;
  readonly clientKey: string;
  /** Absent: the system's roots. */
  readonly serverCa?: string;
}

/** What a client shows, and whom it trusts; PEM. */
export interface ClientTls {
  readonly cert: Buffer;
  /** A secret. */
  readonly key: Buffer;
  /** Replaces the system's roots. */
  readonly ca?: Buffer;
  /** What `ca` holds is trusted, be it a root or not. */
  readonly allowPartialTrustChain?: true;
}

/** Reads a file and says what is wrong with it; the content itself is in no message. */
function readPem<Parsed>(
  option: string,
  file: string,
  what: string,
  parse: (pem: Buffer) => Parsed,
): { readonly pem: Buffer; readonly parsed: Parsed } {
  let pem: Buffer;
  try {
    pem = readFileSync(file);
  } catch (error) {
    throw new ConfigurationError(`${option} ${file} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  try {
    return { pem, parsed: parse(pem) };
  } catch (error) {
    const why =
      systemErrorCode(error) === 'ERR_MISSING_PASSPHRASE'
        ? 'it is encrypted: give one without a passphrase that only its owner can read'
        : `it holds no PEM ${what}`;
    throw new ConfigurationError(`${option} ${file} cannot be used: ${why}`, { cause: error });
  }
}

const parseCertificate = (pem: Buffer) => new X509Certificate(pem);

/**
 * Reads what a client of the API on TCP needs.
 *
 * @throws ConfigurationError naming the option and the file when one cannot be read, holds something else, or
 *   the key is another certificate's
 */
export function readClientTls({ clientCertificate, clientKey, serverCa }: ClientTlsFiles): ClientTls {
  const certificate = readPem('--client-certificate', clientCertificate, 'certificate', parseCertificate);
  const key = readPem<KeyObject>('--client-key', clientKey, 'private key', (pem) => createPrivateKey(pem));
  if (!certificate.parsed.checkPrivateKey(key.parsed)) {
    throw new ConfigurationError(
      `--client-key ${clientKey} is not the key of --client-certificate ${clientCertificate}`,
    );
  }
  const ca =
    serverCa === undefined
      ? {}
      : {
          ca: readPem('--server-ca', serverCa, 'certificate', parseCertificate).pem,
          allowPartialTrustChain: true as const,
        };
  return { cert: certificate.pem, key: key.pem, ...ca };
}
