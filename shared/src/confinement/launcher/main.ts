// SPDX-License-Identifier: Apache-2.0
/**
 * The program that becomes a calf, in a process that priv started for it: it applies the layers, and executes Node in its
 * own place. It parses nothing but its argument, which is priv's.
 */
import { realpathSync, writeSync } from 'node:fs';
import { errorMessage } from '../../errors.ts';
import { isProcessor } from '../filters/syscall-numbers.ts';
import { becomeCalf } from './apply-layers.ts';
import { LAUNCH_FAILED, type LaunchOrder } from './launch-order.ts';

const STDERR = 2;
const tell = (line: string) => writeSync(STDERR, `launcher: ${line}\n`);

/** Of the libraries of the process, before koffi is one: by the paths that the loader found them at. */
function libraries(): readonly string[] {
  Object.assign(process.report, { excludeNetwork: true, excludeEnv: true });
  const report = process.report.getReport() as { readonly sharedObjects: readonly string[] };
  return report.sharedObjects.filter((path) => path.startsWith('/') && path !== process.execPath);
}

try {
  const order = JSON.parse(process.argv[2] ?? '') as LaunchOrder;
  const { arch } = process;
  if (!isProcessor(arch)) throw new Error(`there is no filter of system calls for ${arch}`);
  becomeCalf(order, {
    node: realpathSync(process.execPath),
    libraries: libraries(),
    processor: arch,
    parentPid: () => process.ppid,
    chdir: (path) => process.chdir(path),
    tell,
  });
} catch (error) {
  tell(errorMessage(error));
  process.exit(LAUNCH_FAILED);
}
