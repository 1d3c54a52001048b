// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { parseCertificates, parsePrivateKey } from '@local-datastore/shared/tls/pem';

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
  parse: (pem: string) => Parsed,
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
    return { pem, parsed: parse(pem.toString('latin1')) };
  } catch (error) {
    throw new ConfigurationError(`${option} ${file} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/**
 * Reads what a client of the API on TCP needs.
 *
 * @throws ConfigurationError naming the option and the file when one cannot be read, holds something else, or
 *   the key is another certificate's
 */
export function readClientTls({ clientCertificate, clientKey, serverCa }: ClientTlsFiles): ClientTls {
  const certificate = readPem('--client-certificate', clientCertificate, parseCertificates);
  const key = readPem('--client-key', clientKey, parsePrivateKey);
  if (!certificate.parsed[0]?.checkPrivateKey(key.parsed)) {
    throw new ConfigurationError(
      `--client-key ${clientKey} is not the key of --client-certificate ${clientCertificate}`,
    );
  }
  const ca =
    serverCa === undefined
      ? {}
      : {
          ca: readPem('--server-ca', serverCa, parseCertificates).pem,
          allowPartialTrustChain: true as const,
        };
  return { cert: certificate.pem, key: key.pem, ...ca };
}
