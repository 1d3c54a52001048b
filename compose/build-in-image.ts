// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isBuilt } from './build-inputs.ts';
import { writeCodeCache } from './scripts/code-cache.ts';

/**
 * The build stage of the images, started without a shell. Bundles that came with the build context are taken
 * when they fit the sources, so that the images can be built without a network; otherwise npm makes them.
 *
 * usage: build-in-image.ts WORKSPACE TARGET
 */
const [workspace = '.', target = '/target'] = process.argv.slice(2);

/** What the images write to, each with the layout that a new volume inherits. */
const FOLDERS = ['var/lib/datastore/images', 'var/lib/datastore/state', 'var/lib/eve-agent'];

function run(...command: readonly string[]): void {
  const [program = '', ...args] = command;
  const { status, error } = spawnSync(program, args, { cwd: workspace, stdio: 'inherit' });
  if (status === 0) return;
  const reason = error === undefined ? `ended with ${status}` : error.message;
  process.stderr.write(
    `${command.join(' ')}: ${reason}\nWhere the build has no network or no npm, run "npm run build" first: ` +
      'bundles in dist that fit the sources are taken as they are.\n',
  );
  process.exit(1);
}

if (await isBuilt(workspace)) {
  process.stdout.write('Taking the bundles of the build context.\n');
} else {
  process.stdout.write('The build context has no bundles of these sources: building them.\n');
  run('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund');
  run(process.execPath, 'compose/build.ts');
}
for (const program of ['datastore-app', 'eve-agent']) {
  cpSync(join(workspace, 'dist', program), join(target, program), { recursive: true });
}
// Also where the bundles were taken as they are: the cache fits the Node of the image alone.
writeCodeCache(join(target, 'eve-agent'));
for (const folder of FOLDERS) mkdirSync(join(target, folder), { recursive: true });
