// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { type Check, skipped, warning } from '../check.ts';
import { responsesIn, serviceRecordsOf } from '../host-records.ts';

/** EVE: `strings.Contains(entry.HostName, hostname)`, the former with the root. */
export const substringCheck: Check = {
  id: 'substring',
  title: 'Names that hold the name',
  judge({ form, multicast }) {
    if (multicast === null) return skipped('nothing was asked by multicast DNS');
    const isTrap = (target: string) =>
      `${target}.`.includes(form.writtenHost) && !isSameHost(target, multicast.host);
    const targets = responsesIn(multicast).flatMap(({ message }) => serviceRecordsOf(message, isTrap));
    const names = [...new Set(targets.map(({ target }) => printableText(target)))];
    if (names.length === 0) return { summary: 'none' };
    return {
      summary: names.join(', '),
      facts: { names },
      findings: names.map((name) =>
        warning(
          'substring-trap',
          `stock EVE takes ${name} for ${form.writtenHost} whenever it answers first, because the one name holds the other`,
          `give one of the two hosts a name that does not hold the other’s`,
        ),
      ),
    };
  },
};
