import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { TlsIdentity } from './certificate-source.ts';

/** Far more than a chain of certificates has. */
const MAX_FILE_BYTES = 1024 * 1024;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** Of PKCS #8, and of OpenSSL's older form. */
const ENCRYPTED_KEY = /^(?:-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED)/m;

export interface GivenFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface GivenIdentity extends TlsIdentity {
  /** The first of the chain: the server's own. */
  readonly leaf: X509Certificate;
}

async function read(option: string, file: string): Promise<string> {
  try {
    if ((await stat(file)).size > MAX_FILE_BYTES) throw new RangeError('it is larger than 1 MiB');
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`${option} ${file} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function parseChain(pem: string, file: string): X509Certificate[] {
  try {
    const chain = (pem.match(PEM_CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
    if (chain.length > 0) return chain;
  } catch (error) {
    throw new ConfigurationError(
      `--tls-certificate ${file} holds no valid certificate: ${errorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
  throw new ConfigurationError(`--tls-certificate ${file} holds no PEM certificate ("BEGIN CERTIFICATE")`);
}

function parseKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const reason = ENCRYPTED_KEY.test(pem)
      ? 'it is encrypted; store it decrypted, readable by its owner alone'
      : `it holds no PEM private key: ${errorMessage(error)}`;
    throw new ConfigurationError(`--tls-key ${file} cannot be used: ${reason}`, { cause: error });
  }
}

/**
 * Reads a certificate, with its chain, and its key, and makes sure that a server can present them.
 *
 * @throws ConfigurationError naming the option, the file and what is wrong
 */
export async function readGivenIdentity({ certificateFile, keyFile }: GivenFiles): Promise<GivenIdentity> {
  const certificate = await read('--tls-certificate', certificateFile);
  const key = await read('--tls-key', keyFile);
  const chain = parseChain(certificate, certificateFile);
  const privateKey = parseKey(key, keyFile);
  const [leaf] = chain;
  if (leaf === undefined || !leaf.checkPrivateKey(privateKey)) {
    const isFurtherDown = chain.some((other) => other.checkPrivateKey(privateKey));
    throw new ConfigurationError(
      isFurtherDown
        ? `--tls-certificate ${certificateFile}: the server's own certificate must come first, then its chain`
        : `--tls-key ${keyFile} is not the key of the certificate in ${certificateFile}`,
    );
  }
  try {
    createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' });
  } catch (error) {
    throw new ConfigurationError(
      `the TLS certificate ${certificateFile} and key ${keyFile} cannot be used: ${errorMessage(error)}`,
      { cause: error },
    );
  }
  return { certificate, key, leaf };
}
