// SPDX-License-Identifier: Apache-2.0
import type { BridgeSockets, RawDatagram as HeardDatagram } from '../../discovery/bridge-sockets.ts';
import type { Bridge } from '../../discovery/bridges.ts';

export type RawDatagram = Omit<HeardDatagram, 'isToOwnPort'> & Partial<Pick<HeardDatagram, 'isToOwnPort'>>;

/** The sockets on which the agent asks, too: what the doctor hears is what a download would. */
export type MdnsSockets = Pick<
  BridgeSockets,
  'bridges' | 'portRefusal' | 'joinError' | 'send' | 'askFromOwnPort' | 'close'
> & {
  /** @returns a function that ends it */
  listen(listener: (datagram: RawDatagram) => void): () => void;
};

export interface MdnsSocketOptions {
  /** Of what is multicast. Absent: 255, as RFC 6762 §11 wants. */
  readonly ipTtl?: number;
}

/** @throws DiscoveryError `MDNS_UNAVAILABLE` when the system gives no socket at all */
export type OpenMdnsSockets = (
  bridges: readonly Bridge[],
  options?: MdnsSocketOptions,
) => Promise<MdnsSockets>;
