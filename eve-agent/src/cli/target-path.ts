// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';

/** The last part of a URL's path as a file name. */
function fileNameOf(url: URL): string | null {
  try {
    const name = decodeURIComponent(basename(url.pathname));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    return url.pathname.endsWith('/') || /^\.{0,2}$|[/\x00-\x1f\x7f]/.test(name) ? null : name;
  } catch {
    return null;
  }
}

/**
 * Decides where a download goes.
 *
 * @param output the user's `-o`: a file, or a directory that exists; undefined: the current directory
 * @returns an absolute path
 * @throws ConfigurationError when the URL has no file name to take, or the target is no regular file
 */
export const decideTarget = (url: URL, output: string | undefined): string =>
  decideFile(fileNameOf(url), url.href, output);

/**
 * Decides where something that has a name goes: as {@link decideTarget}.
 *
 * @param name null: it has none that could be used
 * @param shown what it is, for people
 */
export function decideFile(name: string | null, shown: string, output: string | undefined): string {
  const path = resolve(output ?? '.');
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing === undefined || existing.isFile()) {
    if (output?.endsWith('/')) throw new ConfigurationError(`-o ${output}: there is no such directory`);
    return path;
  }
  if (!existing.isDirectory()) throw new ConfigurationError(`-o ${output} is neither a file nor a directory`);
  if (name === null) {
    throw new ConfigurationError(`${shown} has no file name that could be used: name the file with -o`);
  }
  const target = join(path, name);
  const occupant = statSync(target, { throwIfNoEntry: false });
  if (occupant !== undefined && !occupant.isFile()) {
    throw new ConfigurationError(`${target} exists and is no regular file: choose another name with -o`);
  }
  return target;
}
