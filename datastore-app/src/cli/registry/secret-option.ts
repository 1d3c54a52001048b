// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { Command } from 'commander';
import { drawSecret, keepPassword } from '../../access/secret-hash.ts';

const MIN_CHARACTERS = 8;
const MAX_BYTES = 1024;

/** Never as an argument, which other users of the machine can see. */
export const addSecretOption = (command: Command, name: 'password' | 'key'): Command =>
  command.option(
    `--${name}-file <file>`,
    `file with the ${name}; -: standard input (default: one is drawn and printed)`,
  );

async function readInput(input: Readable): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of input) {
    bytes += piece.length;
    if (bytes > MAX_BYTES + 2) break;
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces).toString();
}

/**
 * The secret that is given, or one that is drawn.
 *
 * @returns how it is kept, and itself where it was drawn and has to be told
 * @throws ConfigurationError when it cannot be used
 */
export async function readSecret(
  name: 'password' | 'key',
  file: string | undefined,
  input: () => Readable,
): Promise<{ readonly kept: string; readonly drawn: string | undefined }> {
  if (file === undefined) {
    const { secret, kept } = drawSecret();
    return { kept, drawn: secret };
  }
  const text = await (file === '-' ? readInput(input()) : readFile(file, 'utf8')).catch((error) => {
    throw new ConfigurationError(`--${name}-file ${file} cannot be read: ${errorMessage(error)}`);
  });
  // What editors and `echo` add.
  const secret = text.replace(/\r?\n$/, '');
  if (
    /[\r\n\0]/.test(secret) ||
    [...secret].length < MIN_CHARACTERS ||
    Buffer.byteLength(secret) > MAX_BYTES
  ) {
    throw new ConfigurationError(
      `--${name}-file ${file}: one line of ${MIN_CHARACTERS} characters or more, and ${MAX_BYTES} bytes or less, expected`,
    );
  }
  return { kept: await keepPassword(secret), drawn: undefined };
}
