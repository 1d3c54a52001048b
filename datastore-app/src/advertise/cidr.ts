// SPDX-License-Identifier: Apache-2.0
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';

/** RFC 3927 §2.1. */
const LINK_LOCAL = /^169\.254\./;

/** `10.1.0.5/24` → `10.1.0.5` */
export const addressOf = (cidr: string): string => cidr.slice(0, cidr.indexOf('/'));

/** `10.1.0.5/24` → 24 */
export const prefixLengthOf = (cidr: string): number => Number(cidr.slice(cidr.indexOf('/') + 1));

/** Whether two addresses are of one network, and say so alike. */
export const isSameNetwork = (left: string, right: string): boolean =>
  prefixLengthOf(left) === prefixLengthOf(right) && createSubnetTest(left)(addressOf(right));

/** The kernel's order, but link-local addresses last: who knows no better takes the first. */
export function preferredOrder(cidrs: readonly string[]): string[] {
  const isLinkLocal = (cidr: string) => LINK_LOCAL.test(cidr);
  return [...cidrs.filter((cidr) => !isLinkLocal(cidr)), ...cidrs.filter(isLinkLocal)];
}
