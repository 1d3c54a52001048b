// SPDX-License-Identifier: Apache-2.0
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import type { CalfCode } from './calf.ts';
import { calfScriptName, LAUNCHER_NAME } from './roles.ts';

const pathOf = (relative: string, moduleUrl: string) => fileURLToPath(new URL(relative, moduleUrl));

/**
 * Where the program of a calf is to be found: from source `<name>/main.ts`, in a bundle a script beside it, in an
 * executable an asset.
 *
 * @param moduleUrl from source the address of a module in the folder of the calves; a bundle's is that of its main script
 */
export function findCalfCode(name: string, moduleUrl: string, isExecutable: boolean = isSea()): CalfCode {
  if (isExecutable) return { kind: 'asset', name: calfScriptName(name) };
  if (!moduleUrl.endsWith('.ts')) {
    return { kind: 'script', file: pathOf(`./${calfScriptName(name)}`, moduleUrl) };
  }
  return {
    kind: 'source',
    file: pathOf(`./${name}/main.ts`, moduleUrl),
    // The workspace, with what is installed in it.
    folders: [pathOf('../../../..', import.meta.url).replace(/\/$/, '')],
  };
}

/** The arguments of Node, or of the executable, that make it the launcher. */
export function launcherArguments(
  moduleUrl: string = import.meta.url,
  isExecutable: boolean = isSea(),
): readonly string[] {
  if (isExecutable) return [LAUNCHER_NAME];
  return [pathOf(moduleUrl.endsWith('.ts') ? './main.ts' : `./${LAUNCHER_NAME}.js`, moduleUrl)];
}
