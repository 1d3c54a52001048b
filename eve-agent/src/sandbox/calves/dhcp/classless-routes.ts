// SPDX-License-Identifier: Apache-2.0
import { IPV4_BYTES, readIpv4 } from './address-bytes.ts';
import { requireForm } from './malformed-packet.ts';

const MAX_PREFIX = 32;
const BITS = 8;
/** What a neighbour may fill a table with. */
const MAX_ROUTES = 64;

/** A route of a lease; gateway `0.0.0.0`: the destination is on the link itself. */
export interface LeaseRoute {
  /** With the prefix length, host bits zero: `10.2.0.0/16`. */
  readonly destination: string;
  readonly gateway: string;
}

/**
 * The value of option 121 (RFC 3442). Bits of a destination behind its prefix are taken for zero.
 *
 * @returns at most 64, in their order
 * @throws MalformedPacketError when one is no route or cut short
 */
export function decodeClasslessRoutes(value: Buffer): LeaseRoute[] {
  const routes: LeaseRoute[] = [];
  for (let offset = 0; offset < value.length && routes.length < MAX_ROUTES; ) {
    const prefix = value[offset] as number;
    requireForm(prefix <= MAX_PREFIX, `a prefix of ${prefix} bits`);
    const significant = Math.ceil(prefix / BITS);
    const end = offset + 1 + significant + IPV4_BYTES;
    requireForm(end <= value.length, 'a route that is cut short');
    const destination = Buffer.alloc(IPV4_BYTES);
    value.copy(destination, 0, offset + 1, offset + 1 + significant);
    const hostBits = significant * BITS - prefix;
    if (hostBits > 0)
      destination[significant - 1] = ((destination[significant - 1] as number) >> hostBits) << hostBits;
    routes.push({
      destination: `${readIpv4(destination, 0)}/${prefix}`,
      gateway: readIpv4(value, end - IPV4_BYTES),
    });
    offset = end;
  }
  return routes;
}
