// SPDX-License-Identifier: Apache-2.0
/** Programs of tests that start many times: from a bundle they start in a fraction of the time. */
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLE_OPTIONS, MAKE_REQUIRE } from '../../compose/program-bundle.ts';

/**
 * Makes a module and what it imports one file.
 *
 * @param folder which is there
 * @returns the file, which Node runs
 */
export async function bundleProgram(module: URL, folder: string): Promise<string> {
  const source = fileURLToPath(module);
  const outfile = join(folder, `${basename(source, '.ts')}.mjs`);
  await build({
    ...BUNDLE_OPTIONS,
    ...{ entryPoints: [source], outfile, format: 'esm', banner: { js: MAKE_REQUIRE } },
  });
  return outfile;
}
