// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueAuthority, issueLeaf } from '@local-datastore/shared/tls/issue-certificates';
import { afterAll, expect, it } from 'vitest';
import { describeWith } from '../../../test/requirements.ts';
import {
  distinguishedNameText,
  isSameName,
  parseDistinguishedName,
} from '../launch/deployments/client-names.ts';
import { clientIdentityOf } from './client-identity.ts';

const VALIDITY = { notBefore: new Date(0), notAfter: new Date('2040-01-01') };

it('reads what our own authority issues', async () => {
  const authority = await issueAuthority('authority', VALIDITY);
  const leaf = await issueLeaf(authority, {
    ...{ ...VALIDITY, commonName: 'ci', usage: 'client' as const },
    alternativeNames: ['ci.example', '10.1.0.7', 'fe80::1'],
  });
  const certificate = new X509Certificate(leaf.certificate);
  expect(clientIdentityOf(certificate)).toEqual({
    subject: [{ type: 'CN', value: 'ci' }],
    alternativeNames: [
      { kind: 'DNS', value: 'ci.example' },
      { kind: 'IP', value: '10.1.0.7' },
      { kind: 'IP', value: 'fe80::1' },
    ],
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  });
});

describeWith(['openssl'], 'of certificates that openssl made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'client-identity-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function make(subject: string, extensions: string): X509Certificate {
    const [config, file] = [join(folder, 'config'), join(folder, 'client.pem')];
    writeFileSync(config, `[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\n${extensions}\n`);
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-utf8'],
      ...['-config', config, '-subj', subject, '-keyout', '/dev/null', '-out', file],
    ]);
    return new X509Certificate(readFileSync(file));
  }

  it.each([
    ['/CN=ci', 'CN=ci'],
    // As the scripts of ed-daemon make them.
    [
      '/C=US/ST=California/O=MyOrg/OU=MyOrg/CN=example.com',
      'CN=example.com,OU=MyOrg,O=MyOrg,ST=California,C=US',
    ],
    ['/CN=a,O=b', 'CN=a\\,O=b'],
    ['/CN=a\\/O=b', 'CN=a/O=b'],
    ['/CN=Jürgen 🙂/emailAddress=j@example', 'emailAddress=j@example,CN=Jürgen 🙂'],
    ['/UID=7+CN=two', 'UID=7+CN=two'],
  ])('%s is the subject %s', (subject, expected) => {
    const { subject: read } = clientIdentityOf(make(subject, ''));
    expect(distinguishedNameText(read)).toBeDefined();
    expect(isSameName(read, parseDistinguishedName(expected))).toBe(true);
  });

  it('has the alternative names that it has, and those that only look so not', () => {
    const names = 'subjectAltName=email:a@b,URI:spiffe://x/ci,DNS:ci.example,IP:10.1.0.7,RID:1.2.3';
    expect(clientIdentityOf(make('/CN=DNS:other.example', names)).alternativeNames).toEqual([
      { kind: 'EMAIL', value: 'a@b' },
      { kind: 'URI', value: 'spiffe://x/ci' },
      { kind: 'DNS', value: 'ci.example' },
      { kind: 'IP', value: '10.1.0.7' },
    ]);
    expect(clientIdentityOf(make('/CN=ci', '')).alternativeNames).toEqual([]);
  });
});
