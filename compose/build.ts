import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { buildPage } from '../datastore-app/src/web/build-page.ts';
import { BROTLI_SUFFIX, GZIP_SUFFIX } from '../datastore-app/src/web/page-files.ts';
import { ALL_ARCHITECTURES } from '../eve-agent/packaging/architectures.ts';
import { koffiName, provideKoffi } from '../eve-agent/packaging/koffi-binary.ts';
import { LAUNCHER_NAME } from '../shared/src/confinement/launcher/roles.ts';
import { errorMessage } from '../shared/src/errors.ts';
import { digestInputs, INPUTS_FILE } from './build-inputs.ts';
import { bundleScriptsOf, findCalves, LAUNCHER, LAUNCHER_SCRIPT } from './calf-scripts.ts';
import { BUNDLE_OPTIONS, findWorkers, MAKE_REQUIRE, workspace } from './program-bundle.ts';
import { bundleScripts } from './scripts/bundle-scripts.ts';
import { writeCodeCache } from './scripts/code-cache.ts';

/** `npm run build`: one folder a program below `dist`, which needs Node and nothing else. */
const dist = join(workspace, 'dist');

/** What went into a bundle, and its size. */
interface Built {
  readonly inputs: readonly string[];
  readonly sizeBytes: number;
}

const writePackageType = (folder: string, type: 'module' | 'commonjs') =>
  writeFile(join(folder, 'package.json'), `{ "type": "${type}" }\n`);

async function buildDatastore(): Promise<Built> {
  const folder = join(dist, 'datastore-app');
  const entries = ['datastore-app/src/main.ts', ...(await findWorkers('datastore-app'))];
  const { metafile } = await build({
    ...BUNDLE_OPTIONS,
    entryPoints: {
      ...Object.fromEntries(entries.map((file) => [basename(file, '.ts'), file])),
      [LAUNCHER_NAME]: LAUNCHER,
    },
    outdir: folder,
    // What a command does not need is not loaded: dynamic imports become files of their own.
    splitting: true,
    chunkNames: '[name]-[hash]',
    format: 'esm',
    legalComments: 'linked',
    metafile: true,
    banner: { js: MAKE_REQUIRE },
  });
  // A calf opens no file: its program is one script, which is handed to it.
  const calves = await bundleScriptsOf(await findCalves('datastore-app'), folder);
  await copyKoffi(folder);
  await writePackageType(folder, 'module');
  const sizeBytes = Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0);
  const inputs = [metafile, calves].flatMap((each) => Object.keys(each.inputs));
  return { inputs, sizeBytes };
}

/** What the bundle calls the kernel by, for each processor that an image may be for. */
async function copyKoffi(folder: string): Promise<void> {
  for (const architecture of ALL_ARCHITECTURES) {
    try {
      await copyFile(await provideKoffi(architecture), join(folder, koffiName(architecture)));
    } catch (error) {
      if (architecture === process.arch) throw error;
      process.stdout.write(
        `koffi for ${architecture} is left out, and no calf starts there: ${errorMessage(error)}\n`,
      );
    }
  }
}

/** Its commands are run one by one, and mostly wait for their start. */
async function buildAgent(): Promise<Built> {
  const folder = join(dist, 'eve-agent');
  const { files, inputs } = await bundleScripts('compose/scripts/start-from-folder.ts');
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
  await copyKoffi(folder);
  await chmod(join(folder, 'main.js'), 0o755);
  await writePackageType(folder, 'commonjs');
  writeCodeCache(folder);
  return {
    inputs: [...inputs, ...[threads.metafile, calves].flatMap((each) => Object.keys(each.inputs))],
    sizeBytes: [...files.values()].reduce((sum, text) => sum + text.length, 0),
  };
}

/** The web page stands in `web` beside `main.js`, where datastore-app/src/web/load-page.ts looks for it. */
async function writePage(): Promise<readonly string[]> {
  const { files, inputs } = await buildPage();
  const folder = join(dist, 'datastore-app/web');
  await mkdir(folder);
  let compressedBytes = 0;
  for (const { name, content, gzip, brotli } of files) {
    await writeFile(join(folder, name), content);
    if (gzip !== undefined) await writeFile(join(folder, `${name}${GZIP_SUFFIX}`), gzip);
    if (brotli !== undefined) await writeFile(join(folder, `${name}${BROTLI_SUFFIX}`), brotli);
    compressedBytes += (gzip ?? content).length;
  }
  process.stdout.write(`dist/datastore-app/web: ${(compressedBytes / 1e3).toFixed(1)} kB compressed\n`);
  return inputs;
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
  process.stdout.write(`dist/${program}: ${(built.sizeBytes / 1e6).toFixed(1)} MB\n`);
}
inputs.add('datastore-app/src/web/build-page.ts');
for (const input of await writePage()) if (isSource(input)) inputs.add(input);
// Written last: without it the bundles count as absent.
const digests = await digestInputs(workspace, [...inputs]);
await writeFile(join(dist, INPUTS_FILE), `${JSON.stringify(digests, null, 2)}\n`);
