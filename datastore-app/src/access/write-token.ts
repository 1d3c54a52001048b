// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { chmod, lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { createDurably } from '@local-datastore/shared/files/durable-file';

/** Who has this may write. */
export interface WriteToken {
  readonly token: string;
  /** Where it can be read; undefined when it was given as such. */
  readonly file: string | undefined;
}

/** In the state directory. */
export const WRITE_TOKEN_FILE = 'write-token';
const TOKEN_BYTES = 32;

/** What a header can carry, and long enough that nobody finds it by trying. */
const TOKEN = /^[\x21-\x7e]{16,512}$/;

/** @throws ConfigurationError when the text is too weak for a token or cannot be sent in a header */
export function parseWriteToken(text: string): string {
  const token = text.trim();
  if (TOKEN.test(token)) return token;
  throw new ConfigurationError(
    'the write token must have 16 to 512 printable ASCII characters, without spaces',
  );
}

async function readTokenFile(file: string): Promise<string> {
  try {
    return parseWriteToken(await readFile(file, 'utf8'));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') throw error;
    throw new ConfigurationError(`the write token in ${file} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** How the write token is configured, and where it is kept otherwise. */
export interface WriteTokenSettings {
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly stateDirectory: string;
}

/** The write token as it is configured; undefined: it is the one of the state directory. */
async function readGivenToken({ token, tokenFile }: WriteTokenSettings): Promise<WriteToken | undefined> {
  if (token !== undefined) return { token, file: undefined };
  if (tokenFile === undefined) return undefined;
  const given = await readTokenFile(tokenFile).catch((error) => {
    if (error instanceof ConfigurationError) throw error;
    throw new ConfigurationError(`--write-token-file ${tokenFile} does not exist`, { cause: error });
  });
  return { token: given, file: tokenFile };
}

const keptFileOf = ({ stateDirectory }: WriteTokenSettings) => join(stateDirectory, WRITE_TOKEN_FILE);

/**
 * The write token as it is configured; otherwise the one of the state directory, which is made at the first
 * start, readable by its owner alone.
 *
 * @throws ConfigurationError when a given file cannot be read, or holds what is no token
 */
export async function loadWriteToken(settings: WriteTokenSettings): Promise<WriteToken> {
  const given = await readGivenToken(settings);
  if (given !== undefined) return given;
  const file = keptFileOf(settings);
  try {
    if (await isThere(file)) await closeToOthers(file);
    else await createDurably(file, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`, { mode: 0o600 });
  } catch (error) {
    throw new ConfigurationError(
      `the write token cannot be kept in ${file}, readable by its owner alone: ${errorMessage(error)}`,
      { cause: error },
    );
  }
  return { token: await readKeptToken(file), file };
}

/** Also a symbolic link that leads nowhere. */
async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** A volume that was copied about may have lost the mode. */
async function closeToOthers(file: string): Promise<void> {
  // What a link leads to is somebody else's, as a file that is configured: only its reader is us.
  if (!(await lstat(file)).isSymbolicLink()) await chmod(file, 0o600);
}

async function readKeptToken(file: string): Promise<string> {
  return readTokenFile(file).catch((error) => {
    if (error instanceof ConfigurationError) throw error;
    throw new ConfigurationError(`the write token in ${file} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  });
}

/**
 * Looks for the write token where {@link loadWriteToken} does, and makes and changes nothing.
 *
 * @returns with the file where it is, or will be made; without a token where there is none yet
 * @throws ConfigurationError when there is one that cannot be used
 */
export async function inspectWriteToken(
  settings: WriteTokenSettings,
): Promise<{ readonly token: string | undefined; readonly file: string | undefined }> {
  const given = await readGivenToken(settings);
  if (given !== undefined) return given;
  const file = keptFileOf(settings);
  return { token: (await isThere(file)) ? await readKeptToken(file) : undefined, file };
}
