// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';

/** Takes what a flow brings, into memory of its own choosing where that saves a copy. */
export interface FlowReader {
  /** Where the next bytes may be put. */
  buffer(): Uint8Array;
  /** @returns whether the flow may go on reading; false: until it is resumed */
  callback(byteCount: number, buffer: Uint8Array): boolean;
}

/** Where a flow goes. */
export interface FlowPlace {
  /** An address, or a name for ordinary DNS; without brackets. */
  readonly host: string;
  readonly port: number;
  /** Where it comes from; null: the system chooses. */
  readonly localAddress: string | null;
  /** Whether the name must not turn out to be loopback, link-local or a metadata service. */
  readonly refusesInternal: boolean;
}

export interface FlowOptions {
  /** Gets all that comes; absent: it is read as from any stream. */
  readonly reader?: FlowReader | undefined;
  /** Ends the opening; what is open is its owner's. */
  readonly signal: AbortSignal;
}

/**
 * Opens a two-way stream of bytes to a place, one hop of TCP.
 *
 * @throws InternalAddressError; the system's error; the signal's reason
 */
export type OpenFlow = (place: FlowPlace, options: FlowOptions) => Promise<Duplex>;

/** A stranger's redirect leads to this host, its link or a metadata service. */
export class InternalAddressError extends Error {
  readonly host: string;

  constructor(host: string) {
    super(`${host} is a loopback, link-local or metadata address`);
    this.host = host;
  }
}
