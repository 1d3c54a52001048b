// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Which sources the bundles below `dist` were made from: path below the workspace → sha256. */
export type InputDigests = Record<string, string>;

export const INPUTS_FILE = 'inputs.json';

/** What decides over every bundle besides the sources: the recipe, and the versions of the dependencies. */
const ALWAYS = [
  'compose/build.ts',
  'compose/calf-scripts.ts',
  'compose/datastore-bundle.ts',
  'compose/packaging/sbom.ts',
  'compose/program-bundle.ts',
  'compose/scripts/bundle-scripts.ts',
  'compose/scripts/code-cache.ts',
  'compose/scripts/deferred-packages.ts',
  'compose/scripts/make-code-cache.ts',
  'compose/write-sites.ts',
  'package-lock.json',
];

/**
 * Digests of the files that the bundles are made from.
 *
 * @param files paths below the workspace; what is missing reads as an empty digest
 */
export async function digestInputs(workspace: string, files: readonly string[]): Promise<InputDigests> {
  const digests: InputDigests = {};
  for (const file of [...new Set([...ALWAYS, ...files])].sort()) {
    const content = await readFile(join(workspace, file)).catch(() => undefined);
    digests[file] = content === undefined ? '' : createHash('sha256').update(content).digest('hex');
  }
  return digests;
}

/** Whether `dist` holds bundles of just these sources. */
export async function isBuilt(workspace: string): Promise<boolean> {
  const text = await readFile(join(workspace, 'dist', INPUTS_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  const recorded = JSON.parse(text) as InputDigests;
  const current = await digestInputs(workspace, Object.keys(recorded));
  return Object.entries(current).every(([file, digest]) => recorded[file] === digest);
}
