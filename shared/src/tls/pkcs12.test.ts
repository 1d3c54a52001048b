// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/requirements.ts';
import { issueAuthority, issueLeaf } from './issue-certificates.ts';
import { makePassword, toPkcs12 } from './pkcs12.ts';
import type { TlsIdentity } from './tls-identity.ts';

const VALIDITY = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2036-01-01T00:00:00Z') };

let identity: TlsIdentity;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pkcs12-'));
  const authority = await issueAuthority('operators', VALIDITY);
  identity = await issueLeaf(authority, {
    ...{ ...VALIDITY, commonName: 'alice', alternativeNames: [], usage: 'client' },
  });
});
afterEach(() => rm(folder, { recursive: true }));

it('is taken with its password alone', () => {
  const password = makePassword();
  const pfx = toPkcs12(identity, 'alice', password);
  expect(() => createSecureContext({ pfx, passphrase: password })).not.toThrow();
  expect(() => createSecureContext({ pfx, passphrase: `${password}x` })).toThrow(/mac verify failure/);
});

describeWith(['openssl'], 'openssl', () => {
  it('reads it, the key encrypted', async () => {
    const file = join(folder, 'alice.p12');
    const pfx = toPkcs12(identity, 'alice', 'a password');
    await writeFile(file, pfx);
    const read = ['pkcs12', '-in', file, '-passin', 'pass:a password', '-noenc', '-info'];
    const { stdout, stderr } = await promisify(execFile)('openssl', read);
    expect(stderr).toMatch(/MAC: sha256, Iteration 10000[\s\S]*Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC/);
    expect(stdout).toContain('friendlyName: alice');
    expect(stdout).toContain(identity.certificate.trim());
    expect(stdout).toContain(identity.key.trim());
    expect(pfx.includes(Buffer.from(identity.key.split('\n').slice(1, -2).join(''), 'base64'))).toBe(false);
  });
});

it('has passwords that are long, and never the same', () => {
  const passwords = Array.from({ length: 50 }, makePassword);
  expect(new Set(passwords).size).toBe(50);
  for (const password of passwords)
    expect(password).toMatch(/^(?:[a-hjkmnp-z2-9]{5}-){4}[a-hjkmnp-z2-9]{5}$/);
});
