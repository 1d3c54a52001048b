// SPDX-License-Identifier: Apache-2.0
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../shared/src/errors.ts';
import { ALL_ARCHITECTURES } from './packaging/architectures.ts';
import { koffiName, provideKoffi } from './packaging/koffi-binary.ts';

/**
 * Puts beside a bundle what it calls the kernel by, for each processor that an image may be for.
 *
 * @param folder of the bundle
 * @throws Error when that for this processor cannot be had; without another's the bundle is as good here
 */
export async function copyKoffi(folder: string): Promise<void> {
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
