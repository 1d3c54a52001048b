// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, openSync } from 'node:fs';
import { openLibc } from './libc.ts';

/** `linux/if_tun.h`. */
const TUN_DEVICE = '/dev/net/tun';
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
/** `struct ifreq`: a name of at most 15 bytes, then its flags. */
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;

/**
 * Opens the frames of a tap that is there, with a `struct virtio_net_hdr` before each: whoever gets the descriptor reads
 * and writes them, and needs no right to the device that they come by.
 *
 * @returns a descriptor that does not block, which the caller closes
 * @throws SystemError `EBUSY`: another has it; `EPERM`: without CAP_NET_ADMIN, where the tap belongs to somebody else;
 *   Error of `/dev/net/tun`, or where koffi cannot be loaded
 */
export function openTapQueue(tap: string): number {
  const name = Buffer.from(tap);
  if (name.length >= NAME_BYTES) throw new RangeError(`no interface is called ${tap}`);
  const libc = openLibc();
  const request = Buffer.alloc(IFREQ_BYTES);
  name.copy(request);
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, NAME_BYTES);
  const fd = openSync(TUN_DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    libc.ioctl(fd, TUNSETIFF, request);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
