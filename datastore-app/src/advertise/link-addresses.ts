// SPDX-License-Identifier: Apache-2.0
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';
import { addressOf, isSameNetwork, preferredOrder, prefixLengthOf } from './cidr.ts';
import type { NetworkLink } from './network-links.ts';

/** So many on one interface: 16 bytes each, and an answer with all of them stays within one datagram. */
export const MAX_ADDRESSES = 32;
/** What is told to all is sent so often at most, once from each network. */
const MAX_SOURCES = 8;

/** An interface, and what is told of the host's addresses there. */
export interface AdvertisedLink extends NetworkLink {
  /** From advertisedCidrs. */
  readonly advertisedCidrs: readonly string[];
}

/**
 * The addresses of an interface that are advertised, in the order that is told to nobody in particular. Of more
 * than there is room for, one of every network is among them.
 */
function tellableCidrs(link: Pick<NetworkLink, 'cidrs' | 'isLoopback'>): string[] {
  const ordered = preferredOrder(link.cidrs);
  if (ordered.length <= MAX_ADDRESSES) return ordered;
  return [...new Set([...sourceCidrs(link), ...ordered])].slice(0, MAX_ADDRESSES);
}

/**
 * The addresses, with prefix lengths, that are advertised on a link: all of the interface, and behind them those
 * that other interfaces have in the same networks. Two interfaces on one link answer side by side, and what one
 * says of the host's addresses replaces in caches what the other said (RFC 6762 §10.2): so both say the same.
 *
 * @param links all on which the datastore is advertised
 */
export function advertisedCidrs(link: NetworkLink, links: readonly NetworkLink[]): string[] {
  const own = tellableCidrs(link);
  const ofOthers = links
    .filter((other) => other.name !== link.name && other.isLoopback === link.isLoopback)
    .flatMap(({ cidrs }) => cidrs)
    .filter((cidr) => own.some((each) => isSameNetwork(each, cidr)));
  const unique = new Map([...own, ...ofOthers].map((cidr) => [addressOf(cidr), cidr]));
  return [...unique.values()].slice(0, MAX_ADDRESSES);
}

/** The interface's own addresses among the {@link advertisedCidrs}. */
export const ownAddresses = (link: Pick<NetworkLink, 'cidrs' | 'isLoopback'>): string[] =>
  tellableCidrs(link).map(addressOf);

/** Tells of addresses for which an answer has no room, as a sentence. */
export function describeTooManyAddresses({ name, cidrs }: NetworkLink): string | undefined {
  if (cidrs.length <= MAX_ADDRESSES) return undefined;
  return `${name} has ${cidrs.length} IPv4 addresses: only ${MAX_ADDRESSES} of them are advertised`;
}

/**
 * Orders addresses for who is told of them: first what stands in the asker's own subnet, the narrowest first,
 * then the rest as it stands.
 *
 * @returns the order for an asker; undefined: nobody in particular
 */
export function createAddressOrder(cidrs: readonly string[]): (asker: string | undefined) => string[] {
  const addresses = cidrs.map(addressOf);
  const narrowestFirst = [...cidrs]
    .sort((left, right) => prefixLengthOf(right) - prefixLengthOf(left))
    .map((cidr) => ({ address: addressOf(cidr), isNear: createSubnetTest(cidr) }));
  return (asker) => {
    if (asker === undefined) return addresses;
    const near = narrowestFirst.filter(({ isNear }) => isNear(asker)).map(({ address }) => address);
    return [...new Set([...near, ...addresses])];
  };
}

/**
 * The addresses of an interface from which is sent what all are to hear: one in every network, since a host
 * may ignore what comes from outside its own (RFC 6762 §11). Loopback has one.
 */
export function sourceCidrs({ cidrs, isLoopback }: Pick<NetworkLink, 'cidrs' | 'isLoopback'>): string[] {
  const ordered = preferredOrder(cidrs);
  if (isLoopback) return ordered.slice(0, 1);
  const widestFirst = [...ordered].sort((left, right) => prefixLengthOf(left) - prefixLengthOf(right));
  const chosen: string[] = [];
  for (const cidr of widestFirst) {
    const isCovered = chosen.some(
      (other) =>
        isSameNetwork(other, cidr) ||
        (prefixLengthOf(cidr) === 32 && createSubnetTest(other)(addressOf(cidr))),
    );
    if (!isCovered) chosen.push(cidr);
  }
  return ordered.filter((cidr) => chosen.includes(cidr)).slice(0, MAX_SOURCES);
}
