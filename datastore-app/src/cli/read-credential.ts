// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { ReadCredential } from '../access/credential.ts';
import type { ServeOptions } from '../config.ts';

function readOptionFile(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`${option} ${file} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** The credential for reading, where one is configured. @throws ConfigurationError when its file is of no use */
export function readCredentialOf(options: ServeOptions): ReadCredential | undefined {
  const { readUser: user, readPassword, readPasswordFile } = options;
  if (readPassword !== undefined) return { user, password: readPassword };
  if (readPasswordFile === undefined) return undefined;
  const password = readOptionFile('--read-password-file', readPasswordFile).trim();
  if (password.length >= 8) return { user, password };
  throw new ConfigurationError(`--read-password-file ${readPasswordFile}: at least 8 characters expected`);
}
