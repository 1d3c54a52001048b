// SPDX-License-Identifier: Apache-2.0
import type { Bridge } from './bridges.ts';
import type { MdnsQuestion } from './dns-message.ts';

export interface RawDatagram {
  readonly bytes: Buffer;
  readonly source: string;
  readonly sourcePort: number;
  /** Whether it came to a port of our own, which nobody knows but whom we asked from it. */
  readonly isToOwnPort: boolean;
}

/** Why UDP port 5353 cannot be had. */
export interface PortRefusal {
  /** The system's, such as `EADDRINUSE`; empty: it has none. */
  readonly code: string;
  readonly message: string;
}

/** Bare sockets for multicast DNS on several bridges: nothing is judged, nothing left out. */
export interface BridgeSockets {
  /** Those that can be asked on. */
  readonly bridges: readonly Bridge[];
  /** Why port 5353 could not be had, where it was refused last; undefined: it is had on every bridge. */
  portRefusal(): PortRefusal | undefined;
  /** Tries once more to have port 5353 and the group, where they are missing. @returns whether all are had now */
  tryPortAgain(): Promise<boolean>;
  /** Why the group could not be joined on a bridge; undefined: it was, or port 5353 is missing. */
  joinError(bridge: Bridge): string | undefined;
  /** Whether what is multicast on the bridge is heard. */
  hearsGroup(bridge: Bridge): boolean;
  /**
   * Sends from port 5353, or, where its answers would not be heard, from a port of our own.
   *
   * @param address instead of the group
   * @returns the system's refusal, or null
   */
  send(bridge: Bridge, bytes: Buffer, address?: string): Promise<string | null>;
  /** Asks the group from a port of our own, to which answers then come (RFC 6762 §5.1, §6.7). */
  askFromOwnPort(bridge: Bridge, questions: readonly MdnsQuestion[]): Promise<string | null>;
  /** @returns a function that ends it */
  listen(listener: (datagram: RawDatagram) => void): () => void;
  close(): Promise<void>;
}

export interface BridgeSocketOptions {
  /** Of what is multicast. Absent: 255, as RFC 6762 §11 wants. */
  readonly ipTtl?: number;
}

export type OpenBridgeSockets = (
  bridges: readonly Bridge[],
  options?: BridgeSocketOptions,
) => Promise<BridgeSockets>;
