// SPDX-License-Identifier: Apache-2.0
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';
import type { NetworkLink } from './network-links.ts';

/** Where a multicast packet came from, seen from one interface of ours. */
export type PacketOrigin = 'this-link' | 'other-link' | 'ourselves';

/** Whether an interface has the address. */
export function hasAddress({ cidrs }: NetworkLink, address: string): boolean {
  return cidrs.some((cidr) => cidr.startsWith(`${address}/`));
}

/**
 * Attributes a packet by its source address. On Linux a socket that joined a group on one interface hears
 * the group on all of them (IP_MULTICAST_ALL), so the source is all there is to go by.
 *
 * A source that belongs to no interface's subnet is taken to be on this link: somebody there may have an
 * address of another subnet.
 *
 * @param links every interface of this host
 */
export function attributePacket(
  source: string,
  link: NetworkLink,
  links: readonly NetworkLink[],
): PacketOrigin {
  const isInSubnetOf = ({ cidrs }: NetworkLink) => cidrs.some((cidr) => createSubnetTest(cidr)(source));
  if (hasAddress(link, source)) return 'ourselves';
  if (!isInSubnetOf(link) && links.some(isInSubnetOf)) return 'other-link';
  return links.some((other) => hasAddress(other, source)) ? 'ourselves' : 'this-link';
}
