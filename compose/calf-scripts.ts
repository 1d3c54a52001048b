// SPDX-License-Identifier: Apache-2.0
import { glob } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { calfScriptName, LAUNCHER_NAME } from '@local-datastore/shared/confinement/launcher/roles';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { BUNDLE_OPTIONS, workspace } from './program-bundle.ts';

/** The programs of a program's calves, each a script of its own: `calf-<name>.js` → its module. */
export async function findCalves(
  program: 'datastore-app' | 'eve-agent',
): Promise<Readonly<Record<string, string>>> {
  const calves: Record<string, string> = {};
  for await (const file of glob(`${program}/src/sandbox/calves/*/main.ts`, { cwd: workspace })) {
    calves[calfScriptName(basename(dirname(file)))] = file;
  }
  return calves;
}

/** The program that becomes a calf. */
export const LAUNCHER = 'shared/src/confinement/launcher/main.ts';
export const LAUNCHER_SCRIPT = { [`${LAUNCHER_NAME}.js`]: LAUNCHER };

/** A script knows its own address as a module does. */
const MODULE_URL = {
  define: { 'import.meta.url': 'moduleUrl_' },
  banner: { js: "const moduleUrl_=require('node:url').pathToFileURL(__filename).href;" },
} as const satisfies BuildOptions;

/**
 * Bundles programs of the sandbox into scripts that require nothing but Node's own modules.
 *
 * @param programs file name → module
 * @param outdir a folder that is there
 */
export async function bundleScriptsOf(
  programs: Readonly<Record<string, string>>,
  outdir: string,
): Promise<Metafile> {
  const { metafile } = await build({
    ...BUNDLE_OPTIONS,
    ...MODULE_URL,
    entryPoints: Object.fromEntries(
      Object.entries(programs).map(([name, file]) => [basename(name, '.js'), file]),
    ),
    outdir,
    entryNames: '[name]',
    format: 'cjs',
    metafile: true,
  });
  return metafile;
}
