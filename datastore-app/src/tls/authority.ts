// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory, writeSynced } from '@local-datastore/shared/files/durable-file';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import { planAuthorityValidity } from '@local-datastore/shared/tls/validity';

const FOLDER = 'tls';
const CERTIFICATE_FILE = 'ca.pem';
const KEY_FILE = 'ca-key.pem';
/** Nothing we wrote is larger. */
const MAX_FILE_BYTES = 64 * 1024;

/** The built-in authority: what its devices trust. */
export interface Authority extends TlsIdentity {
  /** Where its certificate is kept. */
  readonly file: string;
  readonly notAfter: Date;
  /** SHA-256 of its certificate: upper-case hex, with colons. */
  readonly fingerprint256: string;
}

/**
 * Makes the folder of the authority unless another process was quicker. It appears with both files in it, so
 * that a power cut leaves no certificate without its key.
 */
async function createAuthority(folder: string, nowMs: number): Promise<void> {
  const { issueAuthority } = await import('@local-datastore/shared/tls/issue-certificates');
  // Two authorities of one name would be taken for each other.
  const name = `datastore authority ${randomBytes(4).toString('hex')}`;
  const { certificate, key } = await issueAuthority(name, planAuthorityValidity(nowMs));
  const temporary = await mkdtemp(join(dirname(folder), `.${FOLDER}-`)); // mode 0700
  try {
    await writeSynced(join(temporary, KEY_FILE), key, { mode: 0o600 });
    await writeSynced(join(temporary, CERTIFICATE_FILE), certificate, { mode: 0o644 });
    await syncDirectory(temporary);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    const isThere = ['ENOTEMPTY', 'EEXIST'].includes(systemErrorCode(error) ?? '');
    if (!isThere) throw error;
  }
  await syncDirectory(dirname(folder));
}

/** Takes away from others what a volume that was copied about may have given them. */
async function closeToOthers(path: string, mode: number): Promise<void> {
  if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, mode);
}

async function readBounded(file: string): Promise<string> {
  if ((await stat(file)).size > MAX_FILE_BYTES) throw new RangeError('it is larger than 64 KiB');
  return await readFile(file, 'utf8');
}

/**
 * Both files, or undefined where neither is there.
 *
 * @param options.isReadOnly leaves the modes as they are
 */
async function readFiles(folder: string, { isReadOnly = false } = {}): Promise<TlsIdentity | undefined> {
  const read = async (name: string) => {
    const file = join(folder, name);
    try {
      if (name === KEY_FILE && !isReadOnly) await closeToOthers(file, 0o600);
      return await readBounded(file);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw new ConfigurationError(`${file} cannot be used: ${errorMessage(error)}; ${wayOut(folder)}`, {
        cause: error,
      });
    }
  };
  const certificate = await read(CERTIFICATE_FILE);
  const key = await read(KEY_FILE);
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate !== undefined && key !== undefined) {
    if (!isReadOnly) await closeToOthers(folder, 0o700);
    return { certificate, key };
  }
  const [missing, present] =
    certificate === undefined ? [CERTIFICATE_FILE, KEY_FILE] : [KEY_FILE, CERTIFICATE_FILE];
  throw new ConfigurationError(
    `${join(folder, missing)} is missing, though ${present} is there; ${wayOut(folder)}`,
  );
}

const wayOut = (folder: string) =>
  `restore the files from a copy, or move ${folder} away: ` +
  'the next start makes a new authority, whose ca.pem the devices then need as dsCertPEM';

function check({ certificate, key }: TlsIdentity, folder: string, nowMs: number): Authority {
  const file = join(folder, CERTIFICATE_FILE);
  const keyFile = join(folder, KEY_FILE);
  const fail = (reason: string, cause?: unknown) =>
    new ConfigurationError(`${reason}; ${wayOut(folder)}`, { cause });
  const parse = <T>(path: string, what: string, read: () => T): T => {
    try {
      return read();
    } catch (error) {
      throw fail(`${path} holds no ${what}: ${errorMessage(error)}`, error);
    }
  };
  const parsed = parse(file, 'certificate', () => new X509Certificate(certificate));
  const privateKey = parse(keyFile, 'private key', () => createPrivateKey(key));
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw fail(`${keyFile} holds no key of the curve P-256, which the built-in authority has`);
  }
  if (!parsed.ca) throw fail(`${file} is not the certificate of an authority`);
  if (!parsed.checkPrivateKey(privateKey)) throw fail(`${keyFile} is not the key of ${file}`);
  if (nowMs > parsed.validToDate.getTime()) {
    throw fail(
      `${file} expired on ${parsed.validToDate.toISOString()}, and the clock says ${new Date(nowMs).toISOString()}`,
    );
  }
  // As this program writes them: whatever form they were restored in.
  return {
    certificate: parsed.toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    file,
    notAfter: parsed.validToDate,
    fingerprint256: parsed.fingerprint256,
  };
}

/**
 * The authority of the state directory; made at the first start, its key readable by its owner alone. What is
 * there is never replaced.
 *
 * @param options.onMade is told when there was none
 * @throws ConfigurationError naming the file and the way out when what is there cannot be used
 */
export async function loadAuthority(
  stateDirectory: string,
  { now = Date.now, onMade }: { now?: () => number; onMade?: (folder: string) => void } = {},
): Promise<Authority> {
  const folder = join(stateDirectory, FOLDER);
  try {
    let files = await readFiles(folder);
    if (files === undefined) {
      await createAuthority(folder, now());
      onMade?.(folder);
      files = await readFiles(folder);
    }
    if (files !== undefined) return check(files, folder, now());
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    throw new ConfigurationError(`the TLS authority in ${folder} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  throw new ConfigurationError(`${folder} holds other files and no authority: move it away, and start again`);
}

/**
 * Looks at the authority of the state directory as {@link loadAuthority} will, and makes and changes nothing.
 *
 * @returns undefined where there is none yet
 * @throws ConfigurationError naming the file and the way out when what is there cannot be used
 */
export async function inspectAuthority(
  stateDirectory: string,
  { now = Date.now }: { now?: () => number } = {},
): Promise<Authority | undefined> {
  const folder = join(stateDirectory, FOLDER);
  const files = await readFiles(folder, { isReadOnly: true });
  return files && check(files, folder, now());
}
