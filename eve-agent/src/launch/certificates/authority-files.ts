// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { syncDirectory, writeDurably, writeSynced } from '@local-datastore/shared/files/durable-file';
import { waitForLock } from '@local-datastore/shared/files/exclusive-lock';
import { parseCertificates, parsePrivateKey } from '@local-datastore/shared/tls/pem';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import * as z from 'zod';

/** The files of an authority in its folder. */
export const AUTHORITY_FILES = {
  certificate: 'ca.crt',
  key: 'ca.key',
  revocations: 'ca.crl',
  ledger: 'issued.jsonl',
} as const;

const KEY_MODE = 0o600;
const FILE_MODE = 0o644;
/** Nothing that is written here is larger, but the ledger. */
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_LEDGER_BYTES = 64 * 1024 * 1024;
const LOCK_LIMIT_MS = 10_000;

/** What an authority remembers of what it issued: who takes a name back need not have its certificate. */
const issuedSchema = z.object({
  name: z.string(),
  kind: z.enum(['server', 'client']),
  serial: z.string().regex(/^[0-9a-f]{1,40}$/),
  issuedAt: z.string(),
  notAfter: z.string(),
});
export type Issued = z.infer<typeof issuedSchema>;

/** An authority that was read from its folder. */
export interface OpenAuthority extends TlsIdentity {
  readonly notAfter: Date;
}

async function readBounded(file: string, maxBytes = MAX_FILE_BYTES): Promise<string> {
  if ((await stat(file)).size > maxBytes) throw new RangeError('it is too large');
  return await readFile(file, 'utf8');
}

/** @throws ConfigurationError naming the file */
async function readAs<Value>(file: string, parse: (text: string) => Value): Promise<Value> {
  try {
    return parse(await readBounded(file));
  } catch (error) {
    throw new ConfigurationError(`${file} cannot be used: ${errorMessage(error)}`, { cause: error });
  }
}

/**
 * The authority of a folder.
 *
 * @throws ConfigurationError when there is none, or none that can sign now
 */
export async function readAuthority(folder: string, nowMs: number): Promise<OpenAuthority> {
  const [file, keyFile] = [join(folder, AUTHORITY_FILES.certificate), join(folder, AUTHORITY_FILES.key)];
  if (!existsSync(file) && !existsSync(keyFile)) {
    throw new ConfigurationError(
      `${folder} holds no authority: make one with "eve-agent cert authority --out ${folder}"`,
    );
  }
  const certificate = await readAs(file, (pem) => parseCertificates(pem)[0]);
  const key = await readAs(keyFile, parsePrivateKey);
  if (certificate?.ca !== true)
    throw new ConfigurationError(`${file} is not the certificate of an authority`);
  if (!certificate.checkPrivateKey(key)) throw new ConfigurationError(`${keyFile} is not the key of ${file}`);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new ConfigurationError(
      `${keyFile} holds no key of the curve P-256, as "eve-agent cert authority" makes them: sign with the program that made it`,
    );
  }
  if (certificate.validToDate.getTime() <= nowMs) {
    throw new ConfigurationError(`${file} expired on ${certificate.validToDate.toISOString()}`);
  }
  return {
    certificate: certificate.toString(),
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    notAfter: certificate.validToDate,
  };
}

/**
 * Writes a certificate and its key, the key for its owner alone.
 *
 * @param isForced in place of what is there; without it nothing is ever replaced
 * @throws ConfigurationError when there is one already, or the folder takes none
 */
export async function writeIdentity(
  folder: string,
  stem: string,
  { certificate, key }: TlsIdentity,
  isForced: boolean,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const files = { certificate: join(folder, `${stem}.crt`), key: join(folder, `${stem}.key`) };
  refuseOccupied([files.key, files.certificate], isForced);
  try {
    await mkdir(folder, { recursive: true });
    if (isForced) {
      // What somebody left there with a mode of its own would lend it to the key.
      await unlink(`${files.key}.new`).catch(() => {});
      await writeDurably(files.key, key, { mode: KEY_MODE });
      await writeDurably(files.certificate, certificate, { mode: FILE_MODE });
      return files;
    }
    await writeSynced(files.key, key, { mode: KEY_MODE });
    await writeSynced(files.certificate, certificate, { mode: FILE_MODE }).catch(async (error: unknown) => {
      await unlink(files.key);
      throw error;
    });
    await syncDirectory(folder);
    return files;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    throw new ConfigurationError(`${folder} does not take the files: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/**
 * Writes a key with its certificate for browsers, for its owner alone. What is there is of a key that was replaced.
 *
 * @returns the file @throws ConfigurationError when the folder does not take it
 */
export async function writeBrowserFile(file: string, content: Buffer): Promise<string> {
  try {
    // What somebody left there with a mode of its own would lend it to the key.
    await unlink(`${file}.new`).catch(() => {});
    await writeDurably(file, content, { mode: KEY_MODE });
    return file;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    throw new ConfigurationError(`${file} cannot be written: ${errorMessage(error)}`, { cause: error });
  }
}

/** @throws ConfigurationError naming what is there already */
export function refuseOccupied(files: readonly string[], isForced: boolean): void {
  const occupied = files.find((file) => existsSync(file));
  if (occupied === undefined || isForced) return;
  throw new ConfigurationError(`${occupied} is there already: nothing was changed; --force replaces it`);
}

/** Replaces the list of revoked certificates, so that whoever reads it meanwhile sees the old or the new one. */
export async function writeRevocationList(folder: string, pem: string): Promise<string> {
  const file = join(folder, AUTHORITY_FILES.revocations);
  await writeDurably(file, pem, { mode: FILE_MODE });
  return file;
}

/** @throws ConfigurationError when there is none that can be read: a new one would let in again who was refused */
export async function readRevocationPem(folder: string): Promise<string> {
  const file = join(folder, AUTHORITY_FILES.revocations);
  try {
    return await readBounded(file);
  } catch (error) {
    const why = systemErrorCode(error) === 'ENOENT' ? 'is missing' : `cannot be read: ${errorMessage(error)}`;
    throw new ConfigurationError(
      `${file} ${why}; restore it from a copy, as a new one would let in again whoever was revoked`,
      { cause: error },
    );
  }
}

/** Remembers a certificate before anybody has it. */
export async function appendIssued(
  folder: string,
  certificatePem: string,
  facts: Pick<Issued, 'name' | 'kind' | 'issuedAt'>,
): Promise<Issued> {
  const certificate = new X509Certificate(certificatePem);
  const issued: Issued = {
    ...facts,
    serial: certificate.serialNumber.toLowerCase(),
    notAfter: certificate.validToDate.toISOString(),
  };
  await mkdir(folder, { recursive: true });
  const handle = await open(join(folder, AUTHORITY_FILES.ledger), 'a', FILE_MODE);
  try {
    await appendFile(handle, `${JSON.stringify(issued)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return issued;
}

/** What was issued, the oldest first; a line that a crash cut short is left out. */
export async function readIssued(folder: string): Promise<Issued[]> {
  const file = join(folder, AUTHORITY_FILES.ledger);
  if (!existsSync(file)) return [];
  const text = await readBounded(file, MAX_LEDGER_BYTES);
  return text.split('\n').flatMap((line) => {
    try {
      return [issuedSchema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });
}

/** Lets one program after another change a folder. @throws ConfigurationError where another one takes too long */
export async function withFolder<Result>(folder: string, task: () => Promise<Result>): Promise<Result> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new ConfigurationError(`${folder} cannot be made: ${errorMessage(error)}`, { cause: error });
  });
  const { dev, ino } = await stat(folder);
  const release = await waitForLock(`eve-agent/authority/${dev}:${ino}`, LOCK_LIMIT_MS);
  if (release === null) throw new ConfigurationError(`another program writes certificates into ${folder}`);
  try {
    return await task();
  } finally {
    release();
  }
}
