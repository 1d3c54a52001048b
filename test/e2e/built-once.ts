// SPDX-License-Identifier: Apache-2.0
/** What several files here need of the programs, made by the first one that comes to it. */
import { isBuilt } from '../../compose/build-inputs.ts';
import { mustRunProgram, runProgram, WORKSPACE } from '../lab/run-program.ts';

/** The base that was made of this Node. */
const BASE_IMAGE = `local-datastore/node-base:tests-${process.version}`;

/** Bundles of just these sources, as `npm run build` makes them. Those that are in use are left as they are. */
export async function makeBundles(): Promise<void> {
  if (!(await isBuilt(WORKSPACE))) await mustRunProgram([process.execPath, 'compose/build.ts']);
}

/** Bundles, and an image with Node under a name of one's own, by which it is removed. */
export async function makeBundlesAndBase(baseImage: string): Promise<void> {
  await makeBundles();
  const { exitCode } = await runProgram(['docker', 'image', 'inspect', BASE_IMAGE]);
  if (exitCode !== 0) await mustRunProgram(['sh', 'compose/make-base-image.sh', BASE_IMAGE]);
  await mustRunProgram(['docker', 'tag', BASE_IMAGE, baseImage]);
}

/**
 * Set up around all files here: takes away what none of them does. The stage of the images in which bundles are put
 * together, which Docker's classic builder keeps without a name, is the same for all of them.
 */
export default function setUp(): () => Promise<void> {
  const docker = async (...args: readonly string[]) => {
    // Where Docker is not installed there is nothing.
    await runProgram(['docker', 'image', ...args]).catch(() => {});
  };
  return async () => {
    await docker('rm', '--force', BASE_IMAGE);
    await docker('prune', '--force', '--filter', 'label=local-datastore');
  };
}
