// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import { build } from 'esbuild';
import { buildSites } from '../datastore-app/src/web/build-sites.ts';
import { LAUNCHER_NAME } from '../shared/src/confinement/launcher/roles.ts';
import { bundleScriptsOf, findCalves, LAUNCHER } from './calf-scripts.ts';
import {
  BUNDLE_OPTIONS,
  findWorkers,
  MAKE_REQUIRE,
  materialsOf,
  type ProgramBundle,
  writePackageType,
} from './program-bundle.ts';
import { writeSites } from './write-sites.ts';

/**
 * Bundles the datastore, its page and manual, worker threads and calves, into a folder that needs Node and koffi's native part
 * beside it, and nothing else.
 *
 * @param folder made if absent
 */
export async function bundleDatastore(folder: string): Promise<ProgramBundle> {
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
  await writePackageType(folder, 'module');
  const sites = await writeSites(folder, buildSites);
  const { inputs, contents } = materialsOf([metafile, calves, ...sites.metafiles]);
  return {
    inputs: [...inputs, ...sites.otherInputs],
    contents,
    sizeBytes: Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
