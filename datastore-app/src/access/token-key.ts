// SPDX-License-Identifier: Apache-2.0
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { createDurably } from '@local-datastore/shared/files/durable-file';

/** What tokens are signed with (ES256, RFC 7518 §3.4). */
export interface TokenKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** How registries call it: libtrust's fingerprint of the public key. */
  readonly id: string;
}

const KEY_FILE = 'token-key.pem';
const CERTIFICATE_FILE = 'token-certificate.pem';
const MAX_FILE_BYTES = 64 * 1024;
/** A device may begin in any year. The certificate only carries the key. */
const VALIDITY = { notBefore: new Date('2000-01-01T00:00:00Z'), notAfter: new Date('2099-12-31T00:00:00Z') };

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Base32 (RFC 4648 §6) of a number of bytes that needs no padding. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.replace(/.{5}/g, (five) => BASE32[Number.parseInt(five, 2)] ?? '');
}

/**
 * How docker's registries call a key: the first 240 bits of the SHA-256 of its public half (DER), in base32, in
 * twelve groups of four (distribution, "Token Authentication Implementation").
 */
export function fingerprintOfKey(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const digest = createHash('sha256').update(der).digest().subarray(0, 30);
  return base32(digest).replace(/.{4}(?=.)/g, '$&:');
}

/** @throws Error when it is no key for ES256 */
export function parseTokenKey(pem: string): TokenKey {
  const privateKey = createPrivateKey(pem);
  const { namedCurve } = privateKey.asymmetricKeyDetails ?? {};
  if (namedCurve !== 'prime256v1') throw new Error('it is no key of the curve P-256');
  const publicKey = createPublicKey(privateKey);
  return { privateKey, publicKey, id: fingerprintOfKey(publicKey) };
}

async function readBounded(file: string): Promise<string | undefined> {
  try {
    if ((await stat(file)).size > MAX_FILE_BYTES) throw new RangeError('it is larger than 64 KiB');
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The key of the state directory, which is made once, readable by its owner alone.
 *
 * @throws ConfigurationError when there is one that cannot be used, or none can be made
 */
export async function loadTokenKey(stateDirectory: string): Promise<TokenKey> {
  const file = join(stateDirectory, KEY_FILE);
  try {
    if ((await readBounded(file)) === undefined) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      await createDurably(file, String(privateKey.export({ type: 'pkcs8', format: 'pem' })), { mode: 0o600 });
    } else if (((await stat(file)).mode & 0o077) !== 0) await chmod(file, 0o600);
    return parseTokenKey((await readBounded(file)) ?? '');
  } catch (error) {
    throw new ConfigurationError(
      `the key of the registry's tokens in ${file} cannot be used: ${errorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
}

/**
 * A certificate of the key, for registries that trust certificates (`rootcertbundle`); made once.
 *
 * @returns PEM
 * @throws ConfigurationError when there is one of another key, or none can be made
 */
export async function loadTokenCertificate(stateDirectory: string, key: TokenKey): Promise<string> {
  const file = join(stateDirectory, CERTIFICATE_FILE);
  try {
    const { issueOwn, isOfKey } = await import('@local-datastore/shared/tls/issue-certificates');
    const found = await readBounded(file);
    if (found !== undefined && isOfKey(found, key.publicKey)) return found;
    if (found !== undefined) throw new Error('it is of another key: remove it, and it is made again');
    await createDurably(file, await issueOwn('datastore tokens', key.privateKey, VALIDITY), { mode: 0o644 });
    return (await readBounded(file)) ?? '';
  } catch (error) {
    throw new ConfigurationError(
      `the certificate of the registry's tokens in ${file} cannot be used: ${errorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
}
