// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from 'node:crypto';
import { SocketAddress } from 'node:net';
import type { TlsStatus } from './certificate-source.ts';

/** A text in quotes may hold commas. */
const ALTERNATIVE_NAME = /(DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g;

/** One spelling for every address: lower case, and the longest run of zeros left out (RFC 5952). */
function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address;
  try {
    return new SocketAddress({ address, family: 'ipv6' }).address;
  } catch {
    return address;
  }
}

/** What a certificate says of itself, for people. */
export function describeCertificate(certificate: X509Certificate, kind: TlsStatus['kind']): TlsStatus {
  const names: string[] = [];
  const addresses: string[] = [];
  for (const [, type, value = ''] of (certificate.subjectAltName ?? '').matchAll(ALTERNATIVE_NAME)) {
    if (type === 'DNS') names.push(value);
    else addresses.push(canonicalAddress(value));
  }
  return {
    kind,
    subject: certificate.subject?.replaceAll('\n', ', ') ?? '',
    notAfter: certificate.validToDate.toISOString(),
    names,
    addresses,
    fingerprint256: certificate.fingerprint256,
  };
}

/** Why nobody accepts a certificate at this moment, as a sentence; undefined: the time is right. */
export function whyOutOfTime(certificate: X509Certificate, nowMs: number): string | undefined {
  if (nowMs > certificate.validToDate.getTime()) {
    return `the TLS certificate expired on ${certificate.validToDate.toISOString()}`;
  }
  if (nowMs < certificate.validFromDate.getTime()) {
    return `the TLS certificate is valid only from ${certificate.validFromDate.toISOString()} on`;
  }
  return undefined;
}
