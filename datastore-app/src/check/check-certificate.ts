// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from 'node:crypto';
import { describeCertificate, whyOutOfTime } from '../tls/certificate-facts.ts';
import type { TlsStatus } from '../tls/certificate-source.ts';
import type { Problem } from './report.ts';

const DAY_MS = 24 * 3600 * 1000;
const SOON_DAYS = 30;

/**
 * Looks at a given certificate as EVE will: valid, and with the addresses as IP SAN.
 *
 * @param addresses those the datastore is advertised with
 */
export function checkCertificate(
  leaf: X509Certificate,
  addresses: readonly string[],
  nowMs: number,
): { readonly certificate: TlsStatus; readonly problems: readonly Problem[] } {
  const certificate = describeCertificate(leaf, 'given');
  const problems: Problem[] = [];
  const outOfTime = whyOutOfTime(leaf, nowMs);
  if (outOfTime !== undefined) {
    problems.push({ severity: 'error', message: `${outOfTime}: nobody accepts it` });
  } else if (Date.parse(certificate.notAfter) <= nowMs + SOON_DAYS * DAY_MS) {
    const message = `the TLS certificate expires soon, on ${certificate.notAfter}`;
    problems.push({ severity: 'warning', message });
  }
  for (const address of addresses.filter((each) => leaf.checkIP(each) === undefined)) {
    const message = `the TLS certificate has no IP SAN ${address}: EVE asks by address and will not accept it`;
    problems.push({ severity: 'warning', message });
  }
  return { certificate, problems };
}
