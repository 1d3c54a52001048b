import { execFile } from 'node:child_process';
import { copyFile, glob, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ARCHITECTURES, isArchitecture } from '../../eve-agent/packaging/architectures.ts';
import { WORKSPACE } from '../lab/run-program.ts';

const BUILD = fileURLToPath(new URL('../../eve-agent/packaging/main.ts', import.meta.url));

/** Whether `npm run build:package` made the packages of just these sources before, as CI does. */
const ARE_BUILT = process.env.TEST_PACKAGES === 'built';
/** This machine's, by Node's name. */
export const ARCHITECTURE = process.arch;

export interface Built {
  readonly folder: string;
  /** The executable for an architecture. */
  executable(architecture: string): string;
  remove(): Promise<void>;
}

/** Copies what was built for this machine: executables are the same, whatever is asked for. */
async function copyBuilt(what: 'executable' | 'package', folder: string): Promise<void> {
  const debian = isArchitecture(ARCHITECTURE) ? ARCHITECTURES[ARCHITECTURE].debian : ARCHITECTURE;
  const wanted = [`eve-agent-linux-${ARCHITECTURE}`, ...(what === 'package' ? [`*_${debian}.deb`] : [])];
  for await (const file of glob(wanted.map((name) => join(WORKSPACE, 'eve-agent/dist', name)))) {
    await copyFile(file, join(folder, basename(file)));
  }
}

/**
 * Runs what `npm run build:executable` and `npm run build:package` run, into a folder of its own. With `TEST_PACKAGES=built`
 * what that made for this machine is taken.
 */
export async function buildPackaging(what: 'executable' | 'package', architecture: string): Promise<Built> {
  const folder = await mkdtemp(join(tmpdir(), 'eve-agent-dist-'));
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
  return { folder, executable: (name) => join(folder, `eve-agent-linux-${name}`), remove };
}
