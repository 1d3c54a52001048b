// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES } from '@local-datastore/shared/dns-sd/service-types';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { type Check, skipped, warning } from '../check.ts';
import { responsesIn, serviceRecordsOf, sightingsOf } from '../host-records.ts';

/** EVE's downloader leaves its library waiting, with its socket, when a message holds a further instance. */
export const instancesCheck: Check = {
  id: 'instances',
  title: 'Instances in one message',
  judge({ multicast }) {
    if (multicast === null || sightingsOf(multicast).length === 0) return skipped('no address was found');
    for (const { message, source } of responsesIn(multicast)) {
      const all = serviceRecordsOf(message, () => true);
      if (!all.some(({ target }) => isSameHost(target, multicast.host))) continue;
      for (const service of SERVICES) {
        const names = [
          ...new Set(all.filter((each) => each.service === service).map(({ instance }) => instance)),
        ];
        if (names.length < 2) continue;
        const shown = names.map((name) => `"${printableText(name)}"`).join(' and ');
        return {
          summary: `${names.length} of _${service}._tcp from ${source}`,
          findings: [
            warning(
              'several-instances',
              `${source} puts ${shown} into one message: stock EVE uses it, and leaks a socket at each lookup`,
              `advertise one instance of _${service}._tcp for this host`,
            ),
          ],
        };
      }
    }
    return { summary: 'one of each service' };
  },
};
