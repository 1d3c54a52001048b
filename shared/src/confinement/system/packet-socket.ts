// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { SOCKET } from './kernel-constants.ts';
import { openLibc } from './libc.ts';
import { attachLockedFilter } from './sockets.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
/** packet(7) and `linux/if_packet.h`. */
const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
const ETH_P_ALL = 0x0003;
/** `struct sockaddr_ll`. */
const ADDRESS_BYTES = 20;
/** What waits to be read; a flood is dropped here. */
const RECEIVE_BUFFER_BYTES = 128 * 1024;

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** `struct timeval` with 64-bit times. */
function timeval(milliseconds: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(BigInt(Math.floor(milliseconds / 1000)), 0);
  bytes.writeBigInt64LE(BigInt((milliseconds % 1000) * 1000), 8);
  return bytes;
}

/**
 * Opens a packet socket for the frames of one interface, with a filter that nobody can take off again, whoever gets the
 * socket. The filter holds for what is read alone: whoever has the socket can send any frame. Frames have a
 * `struct virtio_net_hdr` before them, which says whether a checksum was left to hardware. Reading and writing wait,
 * for a limited time.
 *
 * @param interfaceIndex the kernel's number of it, in the network namespace of the calling thread
 * @param filter `struct sock_filter`s
 * @param waitMs how long reading waits; then it is refused with EAGAIN
 * @returns a descriptor, which the caller closes
 * @throws SystemError `EPERM`: without CAP_NET_RAW; `ENODEV`: there is no such interface
 */
export function openPacketSocket(
  interfaceIndex: number,
  filter: Buffer,
  { waitMs }: { readonly waitMs: number },
): number {
  const libc = openLibc();
  // Of no protocol at first: nothing comes before the filter is there.
  const fd = libc.socket(AF_PACKET, SOCK_RAW | SOCKET.CLOEXEC, 0);
  const set = (level: number, name: number, value: Buffer) =>
    libc.setsockopt(fd, level, name, value, value.length);
  try {
    attachLockedFilter(fd, filter);
    set(SOCKET.SOL_SOCKET, SO_RCVBUF, int(RECEIVE_BUFFER_BYTES));
    set(SOCKET.SOL_SOCKET, SO_RCVTIMEO, timeval(waitMs));
    set(SOCKET.SOL_SOCKET, SO_SNDTIMEO, timeval(waitMs));
    set(SOL_PACKET, PACKET_VNET_HDR, int(1));
    set(SOL_PACKET, PACKET_IGNORE_OUTGOING, int(1));
    const address = Buffer.alloc(ADDRESS_BYTES);
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeUInt16BE(ETH_P_ALL, 2);
    address.writeInt32LE(interfaceIndex, 4);
    libc.bind(fd, address, address.length);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
