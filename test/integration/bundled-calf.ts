// SPDX-License-Identifier: Apache-2.0
/** A bundle with the test calf in it, laid out as that of eve-agent. */
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CalfCode } from '@local-datastore/shared/confinement/launcher/calf';
import { bundleScriptsOf, LAUNCHER_SCRIPT } from '../../compose/calf-scripts.ts';
import { isArchitecture } from '../../compose/packaging/architectures.ts';
import { koffiName, provideKoffi } from '../../compose/packaging/koffi-binary.ts';
import { TEST_CALF } from './test-calf.ts';

const TEST_SCRIPT = 'calf-test.js';

export interface BundledCalf {
  /** Where `main.js` stands: a priv that starts the test calf (programs/priv.ts). Anybody may read it. */
  readonly folder: string;
  readonly code: CalfCode;
  remove(): Promise<void>;
}

export async function bundleTestCalf(): Promise<BundledCalf> {
  const { arch } = process;
  if (!isArchitecture(arch)) throw new Error(`nothing is packaged for ${arch}`);
  const folder = await mkdtemp(join(tmpdir(), 'test-calf-'));
  await chmod(folder, 0o755);
  const programs = {
    ...LAUNCHER_SCRIPT,
    [TEST_SCRIPT]: TEST_CALF,
    'main.js': 'test/integration/programs/priv.ts',
  };
  await bundleScriptsOf(programs, folder);
  await copyFile(await provideKoffi(arch), join(folder, koffiName(arch)));
  return {
    folder,
    code: { kind: 'script', file: join(folder, TEST_SCRIPT) },
    remove: () => rm(folder, { recursive: true }),
  };
}
