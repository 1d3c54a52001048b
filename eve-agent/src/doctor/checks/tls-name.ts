import { printableText } from '../../discovery/printable-text.ts';
import { type Check, problem, skipped } from '../check.ts';

/** Agent and EVE connect to the address, so that is the name the certificate must be for. */
export const tlsNameCheck: Check = {
  id: 'tls-name',
  title: 'Name in the certificate',
  judge({ tls, target }) {
    if (tls === null || tls.certificate === null || target === null) return skipped('no certificate');
    const { isForAddress, isForName, subjectAltName } = tls.certificate;
    const names = printableText(subjectAltName) || 'none';
    if (isForAddress) return { summary: names };
    const host = target.url.hostname;
    const message = `the certificate is ${isForName ? 'for the name alone, not' : 'not'} for ${host}, to which the connection goes; it names: ${names}`;
    const advice =
      target.location === null
        ? `issue it with ${host} among its subject alternative names`
        : `issue it with the subject alternative name IP:${host}, and anew whenever the address changes`;
    return { summary: names, findings: [problem('transferFailed', 'certificate-name', message, advice)] };
  },
};
