// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';
import { type Check, problem, skipped, warning } from '../check.ts';

/** A download takes a certificate for the name or the address; EVE speaks to the address alone. */
export const tlsNameCheck: Check = {
  id: 'tls-name',
  title: 'Name in the certificate',
  judge({ tls, target, image }) {
    if (tls === null || tls.certificate === null || target === null) return skipped('no certificate');
    const { isForAddress, isForName, subjectAltName } = tls.certificate;
    const names = printableText(subjectAltName) || 'none';
    // Stock EVE, which speaks to the address, pulls no image there.
    if (isForAddress || (isForName && image !== null)) return { summary: names };
    const host = target.url.hostname;
    const message = isForName
      ? `the certificate is for the name alone: a download takes it, stock EVE needs ${host}, to which the connection goes; it names: ${names}`
      : `the certificate is not for ${host}, to which the connection goes, nor for the name; it names: ${names}`;
    const advice =
      target.location === null
        ? `issue it with ${host} among its subject alternative names`
        : `issue it with the subject alternative name IP:${host}, and anew whenever the address changes`;
    const finding = isForName
      ? warning('certificate-name', message, advice)
      : problem('transferFailed', 'certificate-name', message, advice);
    return { summary: names, findings: [finding] };
  },
};
