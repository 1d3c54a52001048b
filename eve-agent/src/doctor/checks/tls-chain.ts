// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';
import { chainFailureKind } from '../../transfer/tls-failure.ts';
import { type Check, type Finding, problem, skipped } from '../check.ts';
import type { TlsEvidence } from '../observations.ts';
import { portOf } from '../probes/connect.ts';

const day = (timeMs: number) => new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ');

function chainFinding(
  { certificate, chainError }: TlsEvidence,
  { hasCa, isImage }: { readonly hasCa: boolean; readonly isImage: boolean },
  nowMs: number,
): Finding | undefined {
  if (chainError === null || certificate === null) return undefined;
  const dates = `${day(certificate.validFromMs)} to ${day(certificate.validToMs)} UTC; here it is ${day(nowMs)}`;
  const kind = chainFailureKind(chainError);
  if (kind === 'expired' || kind === 'not-yet-valid') {
    const code = kind === 'expired' ? 'certificate-expired' : 'certificate-not-yet-valid';
    return problem(
      'transferFailed',
      code,
      `the certificate is valid from ${dates}`,
      'set the clocks of device and datastore right; then renew the certificate',
    );
  }
  if (kind === 'unsound') {
    const message = `the certificate, issued by "${printableText(certificate.issuer)}", cannot be used (${chainError})`;
    return problem('transferFailed', 'certificate-unsound', message, 'have it issued anew');
  }
  return problem(
    'transferFailed',
    'chain-not-trusted',
    `the certificate, issued by "${printableText(certificate.issuer)}", does not lead to ${hasCa ? 'the authority of --ca' : 'one of this host’s authorities'} (${chainError})`,
    `${hasCa ? 'name the authority that issued it' : 'name its authority with --ca'}; ${isImage ? 'in a device configuration that is' : 'for EVE put that into'} dsCertPEM`,
  );
}

export const tlsChainCheck: Check = {
  id: 'tls-chain',
  title: 'TLS certificate',
  judge({ tls, given, target, image, probedAtMs }) {
    if (tls === null) return skipped('no TLS');
    if (tls.handshakeError !== null || tls.certificate === null) {
      const plainly = image === null ? 'write http://' : 'say --scheme http, without --ca';
      const advice = tls.isPlain
        ? `for plain HTTP ${plainly}, or let TLS be spoken on port ${target === null ? 443 : portOf(target.url)}`
        : 'see that the port speaks TLS 1.2 or 1.3, and the datastore’s log';
      const message = `no TLS connection: ${tls.handshakeError}`;
      return {
        summary: 'no handshake',
        findings: [problem('transferFailed', 'tls-handshake', message, advice)],
      };
    }
    const isImage = image !== null;
    const finding = chainFinding(tls, { hasCa: given.hasCa, isImage }, probedAtMs);
    const { subject, issuer, validToMs } = tls.certificate;
    return {
      summary: `${printableText(subject)}, valid to ${day(validToMs)} UTC`,
      facts: { subject, issuer, validTo: day(validToMs) },
      findings: finding === undefined ? [] : [finding],
    };
  },
};
