// SPDX-License-Identifier: Apache-2.0
import type { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { describeCertificate, whyOutOfTime } from './certificate-facts.ts';

const certificate = {
  subject: 'O=Edge\nCN=ds',
  subjectAltName:
    'DNS:ds.local, IP Address:10.1.0.5, URI:http://x, DNS:"a, DNS:b", IP Address:FE80:0:0:0:0:0:0:1',
  validFromDate: new Date('2026-01-01'),
  validToDate: new Date('2027-01-01'),
  fingerprint256: 'AB:CD',
} as X509Certificate;

it('names and addresses are told apart, and written in one way', () => {
  expect(describeCertificate(certificate, 'given')).toEqual({
    kind: 'given',
    subject: 'O=Edge, CN=ds',
    notAfter: '2027-01-01T00:00:00.000Z',
    names: ['ds.local', '"a, DNS:b"'],
    addresses: ['10.1.0.5', 'fe80::1'],
    fingerprint256: 'AB:CD',
  });
});

it('a certificate without names is one', () => {
  const bare = {
    ...certificate,
    subject: undefined,
    subjectAltName: undefined,
  } as unknown as X509Certificate;
  expect(describeCertificate(bare, 'given')).toMatchObject({ subject: '', names: [], addresses: [] });
});

describe('the time is', () => {
  it.each([
    ['2026-06-01', undefined],
    ['2027-01-02', 'the TLS certificate expired on 2027-01-01T00:00:00.000Z'],
    ['2025-12-31', 'the TLS certificate is valid only from 2026-01-01T00:00:00.000Z on'],
  ])('%s: %s', (now, reason) => {
    expect(whyOutOfTime(certificate, Date.parse(now))).toBe(reason);
  });
});
