// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { ArgumentFile } from './draft.ts';
import { RunArgumentsError, ValueError } from './errors.ts';
import { requireForeignLabel } from './flags/process-flags.ts';
import { parseLabel } from './grammar/key-values.ts';
import type { HostPaths } from './host-paths.ts';
import { requireArgumentText } from './limits.ts';
import type { RunArguments } from './parse.ts';

/** What files that arguments name say, in their order. */
export interface FileContents {
  readonly env: readonly (readonly [string, string])[];
  readonly labels: readonly (readonly [string, string])[];
  /** Options of `--security-opt`. */
  readonly securityOptions: readonly string[];
}

const MAX_LINES_BYTES = 64 * 1024;
/** Docker's own profile has 13 KB. */
const MAX_PROFILE_BYTES = 1024 * 1024;

/** Lines of `NAME=VALUE`, without comments; what stands behind a value is of the value (docker's `pkg/kvfile`). */
function readLines(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, '').trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** @throws ValueError */
function readVariables(text: string): (readonly [string, string])[] {
  return readLines(text).map((line, i) => {
    const at = line.indexOf('=');
    // Not the line itself: it may hold a secret.
    if (at === -1)
      throw new ValueError(`variable ${i + 1} has no value, and takes none from the agent's environment`);
    const name = line.slice(0, at);
    if (name === '' || /[ \t]/.test(name))
      throw new ValueError(`variable ${i + 1} has no name without blanks`);
    return [name, line.slice(at + 1)];
  });
}

/** @throws ValueError */
function readLabels(text: string): (readonly [string, string])[] {
  return readLines(text)
    .filter((line) => line.includes('='))
    .map((line) => {
      const label = parseLabel(line);
      requireForeignLabel(label[0]);
      return label;
    });
}

/** @throws ValueError */
function readProfile(text: string): string {
  try {
    return `seccomp=${JSON.stringify(JSON.parse(text))}`;
  } catch {
    throw new ValueError('it is no JSON');
  }
}

/**
 * Reads the files that arguments name; only after all that they need is granted.
 *
 * @param readFile what is in a file, at most so many bytes: more is an error
 * @throws RunArgumentsError that names the flag and the file
 */
export async function readArgumentFiles(
  { files }: RunArguments,
  hostPaths: HostPaths,
  readFile: (path: string, maxBytes: number) => Promise<string>,
): Promise<FileContents> {
  const contents = { env: [], labels: [], securityOptions: [] } as {
    env: (readonly [string, string])[];
    labels: (readonly [string, string])[];
    securityOptions: string[];
  };
  for (const file of files) {
    try {
      const path = hostPaths.real.get(file.path);
      if (path === undefined) throw new ValueError('nobody looked where it is');
      const text = await readFile(path, file.kind === 'seccomp' ? MAX_PROFILE_BYTES : MAX_LINES_BYTES);
      if (file.kind === 'seccomp') {
        contents.securityOptions.push(readProfile(text));
        continue;
      }
      requireArgumentText(readLines(text));
      if (file.kind === 'env') contents.env.push(...readVariables(text));
      else contents.labels.push(...readLabels(text));
    } catch (error) {
      throw fileError(file, error);
    }
  }
  return contents;
}

const fileError = ({ flag, path }: ArgumentFile, error: unknown) =>
  new RunArgumentsError('ARGUMENT_INVALID', flag, `${flag} ${path}: ${errorMessage(error)}`, error);
