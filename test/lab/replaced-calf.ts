// SPDX-License-Identifier: Apache-2.0
/** A bundle of eve-agent of which one process without rights is another program: what a calf may be that was taken over. */
import { chmod, copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { calfScriptName } from '@local-datastore/shared/confinement/launcher/roles';
import { bundleScriptsOf, findCalves, LAUNCHER_SCRIPT } from '../../compose/calf-scripts.ts';
import { isArchitecture } from '../../compose/packaging/architectures.ts';
import { koffiName, provideKoffi } from '../../compose/packaging/koffi-binary.ts';
import { findWorkers } from '../../compose/program-bundle.ts';

export interface ReplacedCalf {
  /** The command line that runs the agent. */
  command(...args: readonly string[]): string[];
  /** From the next start of it on, the process is what this module is. */
  become(module: string): Promise<void>;
  /** From the next start on, it is what is shipped again. */
  becomeItself(): Promise<void>;
  remove(): Promise<void>;
}

/** @param name of the calf */
export async function replaceCalf(name: string, modules: readonly string[]): Promise<ReplacedCalf> {
  const { arch } = process;
  if (!isArchitecture(arch)) throw new Error(`nothing is packaged for ${arch}`);
  const folder = await mkdtemp(join(tmpdir(), 'replaced-calf-'));
  await chmod(folder, 0o755);
  const scriptOf = (module: string) => `hostile-${basename(module, '.ts')}.js`;
  const workers = (await findWorkers('eve-agent')).map((file) => [`${basename(file, '.ts')}.js`, file]);
  await bundleScriptsOf(
    {
      ...LAUNCHER_SCRIPT,
      ...(await findCalves('eve-agent')),
      ...Object.fromEntries(workers),
      ...Object.fromEntries(modules.map((module) => [scriptOf(module), module])),
      'main.js': 'eve-agent/src/main.ts',
    },
    folder,
  );
  await copyFile(await provideKoffi(arch), join(folder, koffiName(arch)));
  const script = join(folder, calfScriptName(name));
  const own = `${script}.own`;
  await copyFile(script, own);
  const replace = async (file: string) => {
    await copyFile(file, `${script}.new`);
    await rename(`${script}.new`, script);
  };
  return {
    command: (...args) => [process.execPath, join(folder, 'main.js'), ...args],
    become: (module) => replace(join(folder, scriptOf(module))),
    becomeItself: () => replace(own),
    remove: () => rm(folder, { recursive: true }),
  };
}
