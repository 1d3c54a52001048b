// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { issueAuthority, issueLeaf, issueRevocationList, readRevocationList } from './issue-certificates.ts';
import type { TlsIdentity } from './tls-identity.ts';

const validity = { notBefore: new Date(0), notAfter: new Date('2052-03-04T05:06:07Z') };
const authority = await issueAuthority('datastore authority 00000000', validity);
const issue = (...alternativeNames: string[]) =>
  issueLeaf(authority, { ...validity, commonName: 'ds', alternativeNames });
const parse = ({ certificate }: TlsIdentity) => new X509Certificate(certificate);

it('issues what its authority vouches for', async () => {
  const leaf = parse(await issue('ds.local', '10.1.0.5', 'fe80::1'));
  const issuer = parse(authority);
  expect(leaf.checkIssued(issuer)).toBe(true);
  expect(leaf.verify(issuer.publicKey)).toBe(true);
  expect(leaf.ca).toBe(false);
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']); // serverAuth
  expect([leaf.validFromDate, leaf.validToDate]).toEqual([validity.notBefore, validity.notAfter]);
  expect(leaf.checkHost('DS.local')).toBe('ds.local');
  expect(leaf.checkHost('my-ds.local')).toBeUndefined();
  expect(leaf.checkIP('10.1.0.5')).toBe('10.1.0.5');
  expect(leaf.checkIP('fe80:0:0::1')).toBe('fe80:0:0::1');
  expect(leaf.checkIP('10.1.0.6')).toBeUndefined();
});

it('takes the longest host name there is', async () => {
  const label = 'x'.repeat(63);
  const leaf = parse(
    await issueLeaf(authority, { ...validity, commonName: label, alternativeNames: [`${label}.local`] }),
  );
  expect([leaf.subject, leaf.checkHost(`${label}.local`)]).toEqual([`CN=${label}`, `${label}.local`]);
});

it('gives each certificate its own key, and a positive serial number of 128 bits', async () => {
  const [first, second] = await Promise.all([issue('a.local'), issue('a.local')]);
  expect(first.key).not.toBe(second.key);
  const serials = [authority, first, second].map((identity) => parse(identity).serialNumber);
  for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  expect(new Set(serials).size).toBe(3);
});

it('issues for a client what is good for clients alone', async () => {
  const leaf = parse(
    await issueLeaf(authority, { ...validity, commonName: 'ci', alternativeNames: [], usage: 'client' }),
  );
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']); // clientAuth
  expect([leaf.subject, leaf.subjectAltName]).toEqual(['CN=ci', undefined]);
});

it.each([0, 1, 127, 128, 255, 256, 70_000])(
  'reads again the list of revoked certificates %i',
  async (number) => {
    const revocations = [
      { serial: '4f'.repeat(16), revokedAt: new Date('2026-01-02T03:04:05Z') },
      { serial: '0102', revokedAt: new Date('2060-01-02T03:04:05Z') },
    ];
    const times = {
      thisUpdate: new Date('2026-02-01T00:00:00Z'),
      nextUpdate: new Date('2052-03-04T05:06:07Z'),
    };
    const pem = await issueRevocationList(authority, revocations, { number, ...times });
    expect(readRevocationList(pem)).toEqual({ number, revocations });
    expect(readRevocationList(await issueRevocationList(authority, [], { number, ...times }))).toEqual({
      number,
      revocations: [],
    });
  },
);
