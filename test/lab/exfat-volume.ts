// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What USB sticks come with: no hard links, times of two seconds, and inodes that are numbered anew. */
export interface ExfatVolume {
  /** Where it is mounted. */
  readonly folder: string;
  /** Takes it off, and mounts it again. */
  remount(): void;
  /** Takes it off, and removes it. */
  remove(): Promise<void>;
}

/** Only ends what hangs. */
const MAX_LOOKS = 2000;

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();

/** Makes an exFAT file system in a file, and mounts it by FUSE. It needs root, and what `exfat` requires. */
export async function createExfatVolume(sizeBytes: number): Promise<ExfatVolume> {
  const place = await mkdtemp(join(tmpdir(), 'exfat-'));
  const image = join(place, 'volume');
  const folder = join(place, 'mounted');
  await mkdir(folder);
  run('truncate', '--size', String(sizeBytes), image);
  run('mkfs.exfat', image);

  function mount(): void {
    const device = run('losetup', '--find', '--show', image);
    try {
      run('mount.exfat-fuse', device, folder);
    } finally {
      // While it is mounted this only says that the device goes with it.
      run('losetup', '--detach', device);
    }
  }

  /** What serves it writes its last to the device on its way out, after umount has ended. */
  function unmount(): void {
    run('umount', folder);
    for (let looks = 0; run('losetup', '--associated', image) !== ''; looks += 1) {
      if (looks === MAX_LOOKS) throw new Error(`${image} is still in use`);
      run('sleep', '0.05');
    }
  }

  mount();
  return {
    folder,
    remount() {
      unmount();
      mount();
    },
    async remove() {
      unmount();
      await rm(place, { recursive: true });
    },
  };
}
