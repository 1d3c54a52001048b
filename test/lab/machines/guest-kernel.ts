// SPDX-License-Identifier: Apache-2.0
/** Debian's kernel for clouds: that of the machine, or one out of its package, which is unpacked and not installed. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface GuestKernel {
  readonly kernel: string;
  /** In the order in which they are loaded. */
  readonly modules: readonly string[];
}

/** Names the newest one, whose own name changes with each. */
const META_PACKAGE = 'linux-image-cloud-amd64';
/** Of the last run. */
const CACHE = join(tmpdir(), 'local-datastore-guest-kernel');

/** In the order in which they need one another. */
const MODULES = [
  'drivers/virtio/virtio_ring',
  'drivers/virtio/virtio',
  'drivers/virtio/virtio_pci_modern_dev',
  'drivers/virtio/virtio_pci_legacy_dev',
  'drivers/virtio/virtio_pci',
  'drivers/block/virtio_blk',
  'net/core/failover',
  'drivers/net/net_failover',
  'drivers/net/virtio_net',
  'drivers/acpi/button',
  'drivers/input/evdev',
  'drivers/misc/pvpanic/pvpanic',
  'drivers/misc/pvpanic/pvpanic-pci',
  'fs/nls/nls_cp437',
  'fs/nls/nls_ascii',
  'fs/fat/fat',
  'fs/fat/vfat',
];

/** What a tree of files has, as the package of a kernel lays it out; undefined: it has none. */
function kernelBelow(root: string): GuestKernel | undefined {
  for (const kernel of globSync(join(root, 'boot/vmlinuz-*-cloud-amd64'))) {
    const version = kernel.slice(kernel.indexOf('vmlinuz-') + 'vmlinuz-'.length);
    const modules = MODULES.map((name) => join(root, 'lib/modules', version, 'kernel', `${name}.ko`));
    if (modules.every((module) => existsSync(module))) return { kernel, modules };
  }
  return undefined;
}

const findKernel = (fetched = CACHE) => kernelBelow('/') ?? kernelBelow(CACHE) ?? kernelBelow(fetched);

/** The package that the newest one is; undefined where apt's lists have none. */
function newestPackage(): string | undefined {
  const shown = spawnSync('apt-cache', ['show', '--no-all-versions', META_PACKAGE], { encoding: 'utf8' });
  return /^Depends:.*?(linux-image-[\w.+-]+-cloud-amd64)/m.exec(shown.stdout ?? '')?.[1];
}

/** Why there is none, as one sentence with the way out; undefined: there is one, or it can be fetched. */
export function whyNoGuestKernel(): string | undefined {
  if (findKernel() !== undefined || newestPackage() !== undefined) return undefined;
  return `apt knows no package ${META_PACKAGE}, of which the guest's kernel is: "apt-get update"`;
}

/** Fetches the package alone, and unpacks it. What comes of it has its name only when it is whole. */
async function unpackKernel(target: string): Promise<void> {
  const name = newestPackage();
  if (name === undefined) throw new Error(whyNoGuestKernel());
  const folder = await mkdtemp(`${target}-`);
  try {
    await run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], { cwd: folder }).catch(
      ({ stderr = '' }: { stderr?: string }) => {
        const said = /^E: .*/m.exec(stderr)?.[0] ?? 'apt-get fails';
        throw new Error(`the guest's kernel, ${name}, cannot be fetched: ${said}`);
      },
    );
    const [file = ''] = (await readdir(folder)).filter((each) => each.endsWith('.deb'));
    const root = join(folder, 'root');
    await run('dpkg-deb', ['--extract', join(folder, file), root]);
    // Another test may have been faster.
    await rename(root, target).catch((error: NodeJS.ErrnoException) => {
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * That of the machine, of the last run, or fetched.
 *
 * @param fetched where one that is fetched lies from then on, for the next run
 */
export async function findGuestKernel(fetched = CACHE): Promise<GuestKernel> {
  if (findKernel(fetched) === undefined) await unpackKernel(fetched);
  const found = findKernel(fetched);
  if (found === undefined)
    throw new Error('the package of the kernel has not the modules that the guest needs');
  return found;
}
