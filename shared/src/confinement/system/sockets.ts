// SPDX-License-Identifier: Apache-2.0
import { F, SOCKET } from './kernel-constants.ts';
import { openLibc } from './libc.ts';

const POINTER_BYTES = 8;
const INT_BYTES = 4;

/** A pair of stream sockets that are connected to each other, not to be inherited. Both are the caller's to close. */
export function socketPair(): readonly [number, number] {
  const pair = Buffer.alloc(2 * INT_BYTES);
  openLibc().socketpair(SOCKET.AF_UNIX, SOCKET.STREAM | SOCKET.CLOEXEC, 0, pair);
  return [pair.readInt32LE(0), pair.readInt32LE(INT_BYTES)];
}

/** Another descriptor of the same, not to be inherited. It is the caller's to close. */
export const duplicate = (fd: number): number => openLibc().fcntl(fd, F.DUPFD_CLOEXEC, 0);

/** Refuses from now on what the other end writes: it gets EPIPE, and nothing has to be read. */
export function refuseReading(fd: number): void {
  openLibc().shutdown(fd, SOCKET.SHUT_RD);
}

/**
 * Writes bytes to a stream socket at once, and lets a descriptor come with them (unix(7), SCM_RIGHTS).
 *
 * @returns how many bytes were taken
 * @throws SystemError `EAGAIN`: the other end does not read; `EPIPE`: it is gone
 */
export function sendWithDescriptor(fd: number, bytes: Uint8Array, descriptor?: number): number {
  const message = {
    name: null,
    nameLength: 0,
    vectors: { base: bytes, length: bytes.length },
    vectorCount: 1,
    control: null as Buffer | null,
    controlLength: 0,
    flags: 0,
  };
  if (descriptor !== undefined) {
    message.control = controlOf(descriptor);
    message.controlLength = message.control.length;
  }
  return openLibc().sendmsg(fd, message, SOCKET.MSG_DONTWAIT | SOCKET.MSG_NOSIGNAL);
}

/** `struct cmsghdr`: length, level, type, then the descriptor. Its room ends where a pointer could begin. */
function controlOf(descriptor: number): Buffer {
  const control = Buffer.alloc(3 * POINTER_BYTES);
  control.writeBigUInt64LE(BigInt(2 * POINTER_BYTES + INT_BYTES), 0);
  control.writeInt32LE(SOCKET.SOL_SOCKET, POINTER_BYTES);
  control.writeInt32LE(SOCKET.SCM_RIGHTS, POINTER_BYTES + INT_BYTES);
  control.writeInt32LE(descriptor, 2 * POINTER_BYTES);
  return control;
}

function setInt(fd: number, name: number, value: number): void {
  const bytes = Buffer.alloc(INT_BYTES);
  bytes.writeInt32LE(value);
  openLibc().setsockopt(fd, SOCKET.SOL_SOCKET, name, bytes, bytes.length);
}

/** Lets a socket send only to neighbours on its links: a datagram takes no gateway. */
export const refuseGateways = (fd: number): void => setInt(fd, SOCKET.SO_DONTROUTE, 1);

/**
 * Lets a socket send and hear on one interface alone.
 *
 * @throws SystemError `ENODEV`: there is no such interface
 */
export function bindToInterface(fd: number, interfaceName: string): void {
  const name = Buffer.from(`${interfaceName}\0`, 'latin1');
  openLibc().setsockopt(fd, SOCKET.SOL_SOCKET, SOCKET.SO_BINDTODEVICE, name, name.length);
}

/**
 * Puts a filter on what a socket receives, which nobody can take off again, whoever gets the socket.
 *
 * @param program `struct sock_filter`s
 */
export function attachLockedFilter(fd: number, program: Buffer): void {
  openLibc().attachFilter(fd, SOCKET.SOL_SOCKET, SOCKET.SO_ATTACH_FILTER, programOf(program), FPROG_BYTES);
  setInt(fd, SOCKET.SO_LOCK_FILTER, 1);
}

const INSTRUCTION_BYTES = 8;
/** `struct sock_fprog`: a number and an address. */
const FPROG_BYTES = 2 * POINTER_BYTES;

/** `struct sock_fprog`: how many instructions, and where. */
export const programOf = (program: Buffer) => ({ length: program.length / INSTRUCTION_BYTES, program });

/** `SK_MEMINFO_…` of `linux/sock_diag.h`. */
const MEMINFO_WORDS = 9;
const MEMINFO_DROPS = 8;

/** How many datagrams a socket did not take: by its filter, or since its buffer was full. What `ss -m` calls d. */
export function readDrops(fd: number): number {
  const words = Buffer.alloc(MEMINFO_WORDS * INT_BYTES);
  const length = Buffer.alloc(INT_BYTES);
  length.writeUInt32LE(words.length);
  openLibc().getsockopt(fd, SOCKET.SOL_SOCKET, SOCKET.SO_MEMINFO, words, length);
  return words.readUInt32LE(MEMINFO_DROPS * INT_BYTES);
}
