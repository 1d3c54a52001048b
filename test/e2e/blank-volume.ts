// SPDX-License-Identifier: Apache-2.0
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';

/** A volume as EVE mounts an empty one: root's, mode 0755, with `lost+found`. */
export interface BlankVolume {
  readonly directory: string;
  /** What the user of a container would see: as if it were purged. */
  purge(): Promise<void>;
  remove(): Promise<void>;
}

/** EVE's default. The file is sparse. */
const SIZE = '200M';

/**
 * Makes an ext4 file system in a file, as EVE's mount_disk.sh does on a blank disk, and mounts it. Where the
 * kernel has no loop devices, a folder that looks the same stands for it.
 */
export async function makeBlankVolume(folder: string, name: string): Promise<BlankVolume> {
  const file = join(folder, `${name}.ext4`);
  const directory = join(folder, name);

  async function mount(): Promise<void> {
    await mkdir(directory, { mode: 0o755 });
    await rm(file, { force: true });
    await mustRunProgram(['truncate', '-s', SIZE, file]);
    await mustRunProgram(['/sbin/mke2fs', '-q', '-F', '-t', 'ext4', file]);
    const { exitCode } = await runProgram(['mount', '-o', 'loop', file, directory]);
    if (exitCode !== 0) await mkdir(join(directory, 'lost+found'), { mode: 0o700 });
  }

  async function unmount(): Promise<void> {
    await runProgram(['umount', directory]);
    await rm(directory, { recursive: true, force: true });
  }

  await mount();
  return {
    directory,
    async purge() {
      await unmount();
      await mount();
    },
    remove: unmount,
  };
}
