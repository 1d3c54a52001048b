// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { systemErrorCode } from '../../errors.ts';
import { SOCKET } from './kernel-constants.ts';
import { openLibc } from './libc.ts';

/** Asks the kernel over netlink. */
export interface NetlinkSocket {
  /**
   * Sends one message and gives the datagrams of the answer, each with one message or more.
   *
   * @throws SystemError the socket refuses it; what the kernel says to the message stands in the answer
   */
  request(message: Buffer): Promise<Buffer[]>;
}

export interface OwnedNetlinkSocket extends NetlinkSocket {
  /** Idempotent. */
  close(): void;
}

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
/** `struct sockaddr_nl`: family, padding, port, groups. */
const ADDRESS_BYTES = 12;
const PORT_OFFSET = 4;
const KERNEL_PORT = 0;
const MSG_TRUNC = 0x20;
/** The kernel makes no larger datagram for a dump (NLMSG_GOODSIZE is at most this). */
const MAX_DATAGRAM_BYTES = 32 * 1024;
/** A table of routes of a host is far smaller. */
const MAX_DATAGRAMS = 4096;

/**
 * Opens a socket of rtnetlink (rtnetlink(7)), in the network namespace of the calling thread. The kernel answers before
 * the call returns that asked, and goes on with a dump in the call that reads the part before: nothing waits, and no
 * thread is needed.
 *
 * @throws SystemError
 */
export function openNetlinkSocket(): OwnedNetlinkSocket {
  const libc = openLibc();
  const fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCKET.CLOEXEC, NETLINK_ROUTE);
  let isClosed = false;
  const close = () => {
    if (!isClosed) closeSync(fd);
    isClosed = true;
  };
  try {
    const address = Buffer.alloc(ADDRESS_BYTES);
    address.writeUInt16LE(AF_NETLINK, 0);
    libc.bind(fd, address, address.length);
  } catch (error) {
    close();
    throw error;
  }
  const buffer = Buffer.alloc(MAX_DATAGRAM_BYTES);
  const source = Buffer.alloc(ADDRESS_BYTES);
  const sourceLength = Buffer.alloc(4);

  /** @returns how long the datagram is, which may be more than was taken; null: there is none */
  function receive(): number | null {
    sourceLength.writeUInt32LE(source.length);
    try {
      return libc.recvfrom(fd, buffer, buffer.length, MSG_TRUNC | SOCKET.MSG_DONTWAIT, source, sourceLength);
    } catch (error) {
      if (systemErrorCode(error) === 'EAGAIN') return null;
      throw error;
    }
  }

  function receiveAll(): Buffer[] {
    const datagrams: Buffer[] = [];
    for (let count = 0; count < MAX_DATAGRAMS; count += 1) {
      const length = receive();
      if (length === null) return datagrams;
      if (length > buffer.length) throw new RangeError(`a datagram of netlink of ${length} bytes`);
      // Another process with rights may send here, too.
      if (source.readUInt32LE(PORT_OFFSET) !== KERNEL_PORT) continue;
      datagrams.push(Buffer.from(buffer.subarray(0, length)));
    }
    throw new RangeError('an answer of netlink without end');
  }

  return {
    async request(message) {
      if (isClosed) throw new RangeError('the socket of netlink is closed');
      libc.send(fd, message, message.length, SOCKET.MSG_DONTWAIT);
      return receiveAll();
    },
    close,
  };
}
