// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { SERVICES, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import createMulticastDns, { type ResponsePacket } from 'multicast-dns';
import { createNeighbourWatch, type NeighbourWatch } from './neighbour-watch.ts';
import type { Neighbour, ServiceTarget } from './neighbours.ts';
import type { NetworkLink } from './network-links.ts';
import { attributePacket } from './packet-origin.ts';

/** RFC 6762 §5.2: a second question after a second; answers take up to 120 ms (§6). */
const GAPS_MS = [1000, 500];

/** The SRV records of a response. */
function targetsOf({ answers = [], additionals = [] }: Partial<ResponsePacket>): ServiceTarget[] {
  return [...answers, ...additionals].flatMap((record) =>
    record.type === 'SRV'
      ? { owner: record.name, target: record.data.target, ttlSeconds: record.ttl ?? 0 }
      : [],
  );
}

async function askOn(link: NetworkLink, links: readonly NetworkLink[], watch: NeighbourWatch): Promise<void> {
  // multicast-dns 7.2.5: `interface` alone would bind to the address, where no multicast arrives on Linux.
  const mdns = createMulticastDns({ interface: link.address, bind: '0.0.0.0' });
  // Who cannot ask finds nobody; the port is looked at elsewhere.
  mdns.on('error', () => {});
  mdns.on('warning', () => {});
  mdns.on('response', (packet, { address }) => {
    if (attributePacket(address, link, links) === 'this-link') {
      watch.hear(link.name, address, targetsOf(packet));
    }
  });
  try {
    for (const gapMs of GAPS_MS) {
      mdns.query(SERVICES.map((service) => ({ name: serviceTypeName(service), type: 'PTR' as const })));
      await delay(gapMs);
    }
  } finally {
    await new Promise<void>((resolve) => mdns.destroy(resolve));
  }
}

/**
 * Asks on links for the services that EVE asks for, and returns the neighbours that EVE may take for the host.
 *
 * @param all every interface of this machine
 * @param hostName with `.local`
 */
export async function findNeighbours(
  links: readonly NetworkLink[],
  all: readonly NetworkLink[],
  hostName: string,
): Promise<Neighbour[]> {
  const watch = createNeighbourWatch({ nowMs: () => performance.now() }, { hostName });
  const onWire = links.filter(({ isLoopback }) => !isLoopback);
  await Promise.all(onWire.map((link) => askOn(link, all, watch)));
  return watch.list();
}
