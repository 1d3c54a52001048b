// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { type Check, type Finding, skipped, warning } from '../check.ts';
import { hasAddressBesideService, responsesIn, serviceRecordsOf, sightingsOf } from '../host-records.ts';

/** Stock EVE never asks for an address, and never a second time: what is not in one message is not found. */
export const advertisementCheck: Check = {
  id: 'advertisement',
  title: 'Services',
  judge({ multicast }) {
    if (multicast === null || sightingsOf(multicast).length === 0) return skipped('no address was found');
    const isOurs = (target: string) => isSameHost(target, multicast.host);
    const messages = responsesIn(multicast)
      .filter(({ bridge }) => bridge !== null)
      .map(({ message }) => message);
    const named = messages.flatMap((message) => serviceRecordsOf(message, isOurs));
    const services = SERVICES.filter((service) => named.some((each) => each.service === service));
    if (services.length === 0) {
      const finding = warning(
        'no-service',
        `stock EVE does not find the host: none of ${SERVICES.map((each) => `_${each}._tcp`).join(', ')} is advertised for it`,
        'advertise one (in Avahi: publish-workstation=yes, or a file in /etc/avahi/services)',
      );
      return { summary: 'none', findings: [finding] };
    }
    const findings: Finding[] = [];
    if (!hasAddressBesideService(multicast)) {
      findings.push(
        warning(
          'address-in-other-packet',
          'the host’s A record is never in one message with the SRV record, under just the same name; stock EVE asks for it no further',
          'let the responder add the A record to its answer for the service (RFC 6763 §12.1)',
        ),
      );
    }
    const odd = named.find(({ service, instance }) => !instance.endsWith(`.${serviceTypeName(service)}`));
    if (odd !== undefined) {
      findings.push(
        warning(
          'service-type-case',
          `"${printableText(odd.instance)}" is not in lower case, and so is unknown to stock EVE`,
          `advertise it as ${serviceTypeName(odd.service)}`,
        ),
      );
    }
    return { summary: services.map((each) => `_${each}._tcp`).join(', '), facts: { services }, findings };
  },
};
