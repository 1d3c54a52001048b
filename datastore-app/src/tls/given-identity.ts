// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { parseCertificates, parsePrivateKey } from '@local-datastore/shared/tls/pem';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';

/** Far more than a chain of certificates has. */
const MAX_FILE_BYTES = 1024 * 1024;

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

/** Says which file is wrong; the content itself is in no message. */
function use<Result>(option: string, file: string, parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    throw new ConfigurationError(`${option} ${file} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
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
  const chain = use('--tls-certificate', certificateFile, () => parseCertificates(certificate));
  const privateKey = use('--tls-key', keyFile, () => parsePrivateKey(key));
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
