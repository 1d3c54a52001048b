/** Debian's kernel for clouds: that of the machine, or one out of its package, which is unpacked and not installed. */
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';

export interface GuestKernel {
  readonly kernel: string;
  /** In the order in which they are loaded. */
  readonly modules: readonly string[];
}

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

export async function findGuestKernel(): Promise<GuestKernel> {
  const found = kernelBelow('/');
  if (found === undefined) throw new Error('no kernel');
  return found;
}
