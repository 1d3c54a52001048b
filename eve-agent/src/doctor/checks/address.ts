// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { recordsOf } from '../../discovery/dns-message.ts';
import { type Check, type Finding, problem, skipped, warning } from '../check.ts';
import {
  isAbout,
  type Refusal,
  type RefusalReason,
  refusalsOf,
  responsesIn,
  sightingsOf,
} from '../host-records.ts';
import type { MulticastEvidence } from '../observations.ts';

const WHY: Record<RefusalReason, (refusal: Refusal) => [message: string, advice: string]> = {
  'off-link-source': ({ source }) => [
    `${source} answers, but it is in the subnet of none of the bridges`,
    'give the datastore an address from the network instance (DHCP on the app’s interface)',
  ],
  'wrong-port': ({ source }) => [
    `${source} answers from another port than 5353, which multicast DNS does not allow (RFC 6762 §6)`,
    'let its responder send from port 5353, and see that nothing translates ports on the way',
  ],
  'header-not-zero': ({ source }) => [
    `${source} answers with an error code or an opcode, which must be ignored (RFC 6762 §18.3, §18.11)`,
    'use another responder: this one is an ordinary DNS server, or has a fault',
  ],
  'too-large': ({ source }) => [
    `${source} answers with more than 9,000 bytes (RFC 6762 §17)`,
    'find out what this host is',
  ],
  'too-many-datagrams': ({ source }) => [
    `${source} says more in a second than an honest responder does`,
    'find out what this host is',
  ],
  'too-many-records': ({ source }) => [
    `${source} answers with more records than an honest responder has`,
    'find out what this host is',
  ],
  'address-outside-subnet': ({ address, bridge }) => [
    `the datastore gives its address as ${address}, which is not in ${bridge?.cidr} of ${bridge?.name}`,
    'let it advertise only on the interface that is on the bridge, with that interface’s own address',
  ],
  'address-not-of-a-neighbour': ({ address, bridge }) => [
    `the datastore gives its address as ${address}, which on ${bridge?.name} is the bridge’s own or no host’s`,
    'give the datastore an address of its own',
  ],
  alias: ({ alias, source }) => [
    `${source} answers that the name is an alias (CNAME) of ${printableText(alias ?? '')}, which neither EVE nor the agent follows`,
    `use ${printableText(alias ?? '')} in the URL, or let the responder publish an address under this name`,
  ],
  goodbye: ({ source }) => [
    `${source} takes the host’s address back (TTL 0): the datastore is going down`,
    'start it again',
  ],
};

function otherAddressFinding(multicast: MulticastEvidence): Finding {
  const records = responsesIn(multicast).flatMap(({ message }) => recordsOf(message));
  const ipv6 = records.find((record) => record.type === 'AAAA' && isSameHost(record.name, multicast.host));
  if (ipv6?.type === 'AAAA') {
    return problem(
      'datastoreNotFound',
      'ipv6-only',
      `the datastore has an IPv6 address alone, ${ipv6.data}; on the bridges of EVE only IPv4 is used`,
      'give it an IPv4 address on the bridge, and let its responder publish it',
    );
  }
  return problem(
    'datastoreNotFound',
    'address-missing',
    'services name the host, but nobody tells its address, not even when asked for it',
    'let the responder publish the host’s A record (in Avahi: use-ipv4=yes, publish-addresses=yes)',
  );
}

export const addressCheck: Check = {
  id: 'address',
  title: 'Address',
  judge({ multicast, target, notFound }) {
    if (multicast === null) return skipped('nothing was asked by multicast DNS');
    if (!responsesIn(multicast).some(({ message }) => isAbout(message, multicast.host))) {
      if (target?.location == null) return skipped('nobody answers for the host');
    }
    const sightings = sightingsOf(multicast);
    if (sightings.length === 0 && target?.location != null) {
      const { address, bridge } = target.location;
      const unheard = warning(
        'found-by-further-questions',
        `${address} on ${bridge.name} was found by further questions alone, from another port or later; stock EVE does not ask so`,
        'see what the checks above say of multicast, and that the responder answers every question (RFC 6762 §6)',
      );
      return { summary: `${address} on ${bridge.name}`, findings: [unheard] };
    }
    if (sightings.length > 0 && notFound !== null) {
      const gone = problem(
        'datastoreNotFound',
        'answers-no-more',
        notFound,
        'see that the datastore still runs',
      );
      return { summary: 'answers no more', findings: [gone] };
    }
    if (sightings.length > 0) {
      const shown = [...new Set(sightings.map(({ address, bridge }) => `${address} on ${bridge.name}`))];
      return { summary: shown.join(', '), facts: { addresses: shown } };
    }
    const [refusal] = refusalsOf(multicast);
    if (refusal === undefined) return { summary: 'no address', findings: [otherAddressFinding(multicast)] };
    const [message, advice] = WHY[refusal.reason](refusal);
    return {
      summary: refusal.address ?? `from ${refusal.source}`,
      findings: [problem('datastoreNotFound', refusal.reason, message, advice)],
    };
  },
};
