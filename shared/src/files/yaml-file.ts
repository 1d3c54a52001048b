// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync } from 'node:fs';
import { parse } from 'yaml';
import { errorMessage } from '../errors.ts';

/** A person writes a few lines; beyond this it is another file, or none, such as a device. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Also of a pipe, as a shell makes for `<(…)`, whose size nobody knows before. */
function readBounded(file: string): string {
  const fd = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(fd, buffer, length, buffer.length - length, null);
    }
    if (length > MAX_FILE_BYTES) throw new RangeError(`it has more than ${MAX_FILE_BYTES} bytes`);
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}

/**
 * Reads YAML, of which JSON is a part.
 *
 * @throws Error which says where it goes wrong, and quotes nothing of a text that may hold a secret
 */
export function parseYaml(text: string): unknown {
  try {
    // An unknown tag is no reason to write past the log.
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    // It says where on its first line; what follows is the text itself.
    throw new Error(errorMessage(error).split('\n')[0]?.replace(/:$/, ''), { cause: error });
  }
}

/** Reads what a person wrote in YAML. @throws as {@link parseYaml}; system errors */
export const readYamlFile = (file: string): unknown => parseYaml(readBounded(file));
