// SPDX-License-Identifier: Apache-2.0
import { createAddressTest, ipVersion } from '@local-datastore/shared/net/ip-address';

/**
 * Addresses that mean this host, its link, or a cloud's metadata service: what a stranger's redirect must not reach.
 */
const isInternalAddress = createAddressTest([
  // "This host" and loopback, RFC 1122 §3.2.1.3; link-local, RFC 3927, with most clouds' metadata services.
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16'],
  // Metadata outside of link-local: Alibaba, Oracle, Azure.
  ...['100.100.100.200/32', '192.0.0.192/32', '168.63.129.16/32'],
  // Multicast and broadcast have no web server.
  '224.0.0.0/3',
  ...['::/127', 'fe80::/10', 'ff00::/8'],
  // Metadata over IPv6: Amazon, Google.
  ...['fd00:ec2::254/128', 'fd20:ce::254/128'],
  // What translates into IPv4 addresses: NAT64 (RFC 6052) and 6to4 (RFC 3056), for those of above.
  ...['64:ff9b::7f00:0/104', '64:ff9b::a9fe:0/112', '2002:7f00::/24', '2002:a9fe::/32'],
]);
/** Their addresses are those of above, whoever resolves them. */
const INTERNAL_NAME = /(?:^|\.)localhost$|^metadata(?:\.google\.internal)?$/i;

/** Whether an address, or a name by itself, means loopback, the own link or a metadata service. */
export function isInternalHost(host: string): boolean {
  return ipVersion(host) === 0 ? INTERNAL_NAME.test(host) : isInternalAddress(host);
}
