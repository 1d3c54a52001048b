import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import type { TlsIdentity } from './certificate-source.ts';
import { issueAuthority, issueLeaf } from './issue-certificates.ts';

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
