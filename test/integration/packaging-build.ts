// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { copyFile, glob, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ARCHITECTURES, isArchitecture } from '../../compose/packaging/architectures.ts';
import { PROGRAMS, type Program } from '../../compose/packaging/package-description.ts';
import { WORKSPACE } from '../lab/run-program.ts';

const BUILD = fileURLToPath(new URL('../../compose/packaging/main.ts', import.meta.url));

/** Whether `npm run build:package` made the packages of just these sources before, as CI does. */
const ARE_BUILT = process.env.TEST_PACKAGES === 'built';
/** This machine's, by Node's name. */
export const ARCHITECTURE = process.arch;

export interface Built {
  readonly folder: string;
  /** The executable for an architecture. */
  executable(architecture: string): string;
  /** The Debian package of a program, for this machine. */
  package(program: Program): string;
  remove(): Promise<void>;
}

/** Copies what was built for this machine: executables are the same, whatever is asked for. */
async function copyBuilt(what: 'executable' | 'package', folder: string): Promise<void> {
  const debian = isArchitecture(ARCHITECTURE) ? ARCHITECTURES[ARCHITECTURE].debian : ARCHITECTURE;
  const packages = PROGRAMS.map((program) => `${program}/dist/${program}_*_${debian}.deb`);
  const wanted = [
    `eve-agent/dist/eve-agent-linux-${ARCHITECTURE}{,.cdx.json}`,
    ...(what === 'package' ? packages : []),
  ];
  for await (const file of glob(wanted.map((name) => join(WORKSPACE, name)))) {
    await copyFile(file, join(folder, basename(file)));
  }
}

/**
 * Runs what `npm run build:executable` and `npm run build:package` run, into a folder of its own. With `TEST_PACKAGES=built`
 * what that made for this machine is taken.
 */
export async function buildPackaging(what: 'executable' | 'package', architecture: string): Promise<Built> {
  const folder = await mkdtemp(join(tmpdir(), 'packaging-dist-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const args = [BUILD, what, '--output', folder, '--compression', 'gzip', architecture];
  const making =
    ARE_BUILT && architecture === ARCHITECTURE
      ? copyBuilt(what, folder)
      : promisify(execFile)(process.execPath, args);
  await making.catch(async (error) => {
    await remove();
    throw error;
  });
  const names = await readdir(folder);
  return {
    folder,
    executable: (name) => join(folder, `eve-agent-linux-${name}`),
    package(program) {
      const name = names.find((each) => each.startsWith(`${program}_`) && each.endsWith('.deb'));
      if (name === undefined) throw new Error(`no package of ${program} was built`);
      return join(folder, name);
    },
    remove,
  };
}
