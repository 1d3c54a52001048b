import { closeSync } from 'node:fs';
import { NetworkCallError, openNetworkCalls } from './network-calls.ts';

/** Asks the kernel over netlink. */
export interface NetlinkSocket {
  /**
   * Sends one message and gives the datagrams of the answer, each with one message or more.
   *
   * @throws NetworkCallError the socket refuses it; what the kernel says to the message stands in the answer
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
/** The kernel makes no larger datagram for a dump (NLMSG_GOODSIZE is at most this). */
const MAX_DATAGRAM_BYTES = 32 * 1024;
/** A table of routes of a host is far smaller. */
const MAX_DATAGRAMS = 4096;

/**
 * Opens a socket of rtnetlink (rtnetlink(7)), in the network namespace of the calling thread. The kernel answers before
 * the call returns that asked, and goes on with a dump in the call that reads the part before: nothing waits, and no
 * thread is needed.
 *
 * @throws NetworkCallError
 */
export function openNetlinkSocket(): OwnedNetlinkSocket {
  const calls = openNetworkCalls();
  const fd = calls.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  let isClosed = false;
  const close = () => {
    if (!isClosed) closeSync(fd);
    isClosed = true;
  };
  try {
    const address = Buffer.alloc(ADDRESS_BYTES);
    address.writeUInt16LE(AF_NETLINK, 0);
    calls.bind(fd, address);
  } catch (error) {
    close();
    throw error;
  }
  const buffer = Buffer.alloc(MAX_DATAGRAM_BYTES);
  const source = Buffer.alloc(ADDRESS_BYTES);

  function receiveAll(): Buffer[] {
    const datagrams: Buffer[] = [];
    for (let count = 0; count < MAX_DATAGRAMS; count += 1) {
      const length = calls.receive(fd, buffer, source);
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
      if (isClosed) throw new NetworkCallError('send', 9);
      calls.send(fd, message);
      return receiveAll();
    },
    close,
  };
}
