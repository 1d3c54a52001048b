// SPDX-License-Identifier: Apache-2.0
/** The services of a datastore, in the order in which EVE's downloader asks for them (`findDSmDNS`). */
export const SERVICES = ['workstation', 'http', 'https'] as const;
export type Service = (typeof SERVICES)[number];

/** The port that a `_workstation._tcp` instance names: discard, as Avahi publishes it. */
export const WORKSTATION_PORT = 9;

/** RFC 6762 §3: where multicast DNS is spoken. */
export const MDNS_GROUP_IPV4 = '224.0.0.251';
export const MDNS_PORT = 5353;

/** The DNS name whose PTR records list the instances, exactly lower case, such as `_http._tcp.local`. */
export function serviceTypeName(service: Service): string {
  return `_${service}._tcp.local`;
}
