// SPDX-License-Identifier: Apache-2.0
import { chmod, glob, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { buildSites } from '../eve-agent/src/web/build-sites.ts';
import { digestInputs, INPUTS_FILE } from './build-inputs.ts';
import { bundleScriptsOf, findCalves, LAUNCHER_SCRIPT } from './calf-scripts.ts';
import { copyKoffi } from './copy-koffi.ts';
import { bundleDatastore } from './datastore-bundle.ts';
import { KOFFI_SOURCE } from './packaging/koffi-binary.ts';
import { versionOf } from './packaging/package-description.ts';
import { SBOM_NAME, sbomText } from './packaging/sbom.ts';
import {
  BUNDLE_OPTIONS,
  findWorkers,
  materialsOf,
  type ProgramBundle,
  workspace,
  writePackageType,
} from './program-bundle.ts';
import { bundleScripts } from './scripts/bundle-scripts.ts';
import { writeCodeCache } from './scripts/code-cache.ts';
import { writeSites } from './write-sites.ts';

/** `npm run build`: one folder a program below `dist`, which needs Node and nothing else. */
const dist = join(workspace, 'dist');

async function buildDatastore(): Promise<ProgramBundle> {
  const folder = join(dist, 'datastore-app');
  const built = await bundleDatastore(folder);
  await copyKoffi(folder);
  return built;
}

/** Its commands are run one by one, and mostly wait for their start. */
async function buildAgent(): Promise<ProgramBundle> {
  const folder = join(dist, 'eve-agent');
  const { files, metafiles } = await bundleScripts('compose/scripts/start-from-folder.ts');
  const threads = await build({
    ...BUNDLE_OPTIONS,
    entryPoints: await findWorkers('eve-agent'),
    outdir: folder,
    entryNames: '[name]',
    format: 'cjs',
    metafile: true,
  });
  const calves = await bundleScriptsOf({ ...LAUNCHER_SCRIPT, ...(await findCalves('eve-agent')) }, folder);
  for (const [name, text] of files) await writeFile(join(folder, name), text);
  const sites = await writeSites(folder, buildSites);
  await copyKoffi(folder);
  await chmod(join(folder, 'main.js'), 0o755);
  await writePackageType(folder, 'commonjs');
  writeCodeCache(folder);
  const { inputs, contents } = materialsOf([...metafiles, threads.metafile, calves, ...sites.metafiles]);
  return {
    inputs: [...inputs, ...sites.otherInputs],
    contents,
    sizeBytes: [...files.values()].reduce((sum, text) => sum + text.length, 0),
  };
}

/**
 * What bundles are made from beside the workspace's sources: dependencies, at the top or below a workspace whose
 * version differs (the lock says which they are), and what a plugin makes up, which has its name in front.
 */
const isSource = (input: string) => !/(?:^|\/)node_modules\/|^[\w-]+:/.test(input);

await rm(dist, { recursive: true, force: true });
await mkdir(dist);
const inputs = new Set<string>();
for (const [program, buildProgram] of [
  ['datastore-app', buildDatastore],
  ['eve-agent', buildAgent],
] as const) {
  const built = await buildProgram();
  for (const input of built.inputs) if (isSource(input)) inputs.add(input);
  // Of an image Node is no part that comes from here.
  const contents = [...built.contents, KOFFI_SOURCE];
  const subject = { name: program, version: await versionOf(program), contents, hasNode: false };
  await writeFile(join(dist, program, SBOM_NAME), await sbomText(subject));
  process.stdout.write(`dist/${program}: ${(built.sizeBytes / 1e6).toFixed(1)} MB\n`);
}
// What makes pages and manuals is in no bundle, but decides over them.
for await (const file of glob('{datastore-app,eve-agent,shared}/src/web/{,manual/}*.ts', {
  cwd: workspace,
})) {
  if (!file.endsWith('.test.ts')) inputs.add(file);
}
// Written last: without it the bundles count as absent.
const digests = await digestInputs(workspace, [...inputs]);
await writeFile(join(dist, INPUTS_FILE), `${JSON.stringify(digests, null, 2)}\n`);
