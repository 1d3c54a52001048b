// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { type Check, skipped, warning } from '../check.ts';
import { responsesIn, serviceRecordsOf } from '../host-records.ts';

/** EVE compares the URL's name with SRV's target byte for byte. */
export const nameCaseCheck: Check = {
  id: 'name-case',
  title: 'Case of the name',
  judge({ form, multicast }) {
    if (multicast === null) return skipped('nothing was asked by multicast DNS');
    const isOurs = (target: string) => isSameHost(target, multicast.host);
    const targets = responsesIn(multicast)
      .flatMap(({ message }) => serviceRecordsOf(message, isOurs))
      .map(({ target }) => target);
    if (targets.length === 0) return skipped('no service names the host');
    const wanted = form.writtenHost.replace(/\.$/, '');
    const [other] = targets.filter((target) => !`${target}.`.includes(form.writtenHost));
    if (other === undefined) return { summary: `"${wanted}" as the datastore writes it` };
    return {
      summary: `"${printableText(other)}"`,
      findings: [
        warning(
          'name-case',
          `the datastore calls itself "${printableText(other)}"; stock EVE does not know it as "${wanted}"`,
          `register ${form.scheme}://${printableText(other)}`,
        ),
      ],
    };
  },
};
