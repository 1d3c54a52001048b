// SPDX-License-Identifier: Apache-2.0
/** What a virtual machine with a guest of our own making needs of this machine. */
import { whyNoDevice, whyNoFile, whyNoPrograms } from '../../installed.ts';
import { whyNoGuestKernel } from './guest-kernel.ts';

/** Why no guest can be made and started, as one sentence with the way out; undefined when one can. */
export function whyNoGuest(): string | undefined {
  return (
    (process.arch === 'x64' ? undefined : 'the guest is one for x64') ??
    whyNoPrograms('qemu-system-x86', 'qemu-system-x86_64') ??
    whyNoPrograms('xorriso', 'xorriso') ??
    whyNoPrograms('busybox-static', 'busybox') ??
    whyNoFile('isolinux', '/usr/lib/ISOLINUX/isolinux.bin') ??
    whyNoFile('syslinux-common', '/usr/lib/syslinux/modules/bios/ldlinux.c32') ??
    whyNoDevice('/dev/net/tun') ??
    whyNoGuestKernel()
  );
}
