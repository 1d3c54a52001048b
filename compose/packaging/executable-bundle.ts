// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { buildSites } from '../../eve-agent/src/web/build-sites.ts';
import { bundleScriptsOf, findCalves, LAUNCHER_SCRIPT } from '../calf-scripts.ts';
import { BUNDLE_OPTIONS, findWorkers, materialsOf, type ProgramBundle } from '../program-bundle.ts';
import { bundleScripts } from '../scripts/bundle-scripts.ts';
import { writeSites } from '../write-sites.ts';

/** The files of a single executable. */
export interface ExecutableBundle extends Pick<ProgramBundle, 'inputs' | 'contents'> {
  /** CommonJS: the main script of Node 24's single executables is nothing else. */
  readonly main: string;
  /** The other scripts of the program, modules of worker threads, its page and its manual, by the names that are asked for. */
  readonly assets: Readonly<Record<string, string>>;
}

/**
 * Bundles the agent, each of its worker threads, and its calves, into a folder.
 *
 * @param otherCalves programs of calves that are not the agent's, by the names of their scripts
 */
export async function bundleExecutable(
  folder: string,
  otherCalves: Readonly<Record<string, string>> = {},
): Promise<ExecutableBundle> {
  await mkdir(folder, { recursive: true });
  const { files, metafiles } = await bundleScripts('compose/scripts/start-from-executable.ts');
  for (const [name, text] of files) await writeFile(join(folder, name), text);
  const sources = await findWorkers('eve-agent');
  const threads = await build({
    ...BUNDLE_OPTIONS,
    entryPoints: sources,
    outdir: folder,
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    metafile: true,
    // A module without a file: what is required can only be Node's own.
    banner: {
      js: "import{createRequire as createRequire_}from'node:module';const require=createRequire_('/');",
    },
  });
  const programs = { ...LAUNCHER_SCRIPT, ...(await findCalves('eve-agent')), ...otherCalves };
  const calves = await bundleScriptsOf(programs, folder);
  const sites = await writeSites(folder, buildSites);
  const main = 'main.js';
  const scripts = [...files.keys()].filter((name) => name !== main);
  const workers = sources.map((file) => basename(file, '.ts'));
  const { inputs, contents } = materialsOf([...metafiles, threads.metafile, calves, ...sites.metafiles]);
  return {
    main: join(folder, main),
    assets: Object.fromEntries([
      ...scripts.map((name) => [name, join(folder, name)]),
      ...workers.map((name) => [name, join(folder, `${name}.mjs`)]),
      ...Object.keys(programs).map((name) => [name, join(folder, name)]),
      ...sites.files,
    ]),
    inputs: [...inputs, ...sites.otherInputs],
    contents,
  };
}
