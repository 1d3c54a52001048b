// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fingerprintOfKey, loadTokenCertificate, loadTokenKey } from './token-key.ts';

let state: string;
let file: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'token-key-'));
  file = join(state, 'token-key.pem');
});
afterEach(() => rm(state, { recursive: true }));

it('is made once, by whoever is first, for its owner alone', async () => {
  const keys = await Promise.all([loadTokenKey(state), loadTokenKey(state), loadTokenKey(state)]);
  expect(new Set(keys.map(({ id }) => id)).size).toBe(1);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(state)).toEqual(['token-key.pem']);
  await chmod(file, 0o644);
  expect((await loadTokenKey(state)).id).toBe(keys[0]?.id);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

it('is called as docker’s registries call it', () => {
  // Both by openssl: of the key in DER the SHA-256, its first 30 bytes in base32.
  const pem = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5JDjcEvIz5aueyPLD6KsyLDlFiI0
hYOIxqnLclkhPAzHniP9QbdtR8a02xs5/PJA/lycNyxG75ZPUcmIv2x6Kg==
-----END PUBLIC KEY-----`;
  expect(fingerprintOfKey(createPublicKey(pem))).toBe(
    '3ROU:ZP2G:U5PY:UMPD:XX74:DXME:I3IO:BHSU:NYCT:BKWE:WBZ4:NOCK',
  );
});

it.each([
  ['no PEM', () => 'rubbish'],
  ['of another curve', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
  ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
])('is refused when it is %s, and stays', async (_, make) => {
  const made = make();
  const pem = typeof made === 'string' ? made : String(made.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(file, pem, { mode: 0o600 });
  await expect(loadTokenKey(state)).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  expect(await readFile(file, 'utf8')).toBe(pem);
});

it('has a certificate, made once, that holds whatever the year', async () => {
  const key = await loadTokenKey(state);
  const [pem, again] = await Promise.all([
    loadTokenCertificate(state, key),
    loadTokenCertificate(state, key),
  ]);
  expect(again).toBe(pem);
  const certificate = new X509Certificate(pem);
  expect(certificate.publicKey.equals(key.publicKey)).toBe(true);
  expect(certificate.verify(key.publicKey)).toBe(true);
  expect([certificate.validFromDate.getFullYear(), certificate.validToDate.getFullYear()]).toEqual([
    2000, 2099,
  ]);
});

it('does not take the certificate of another key for its own', async () => {
  await loadTokenCertificate(state, await loadTokenKey(state));
  await rm(file);
  const next = await loadTokenKey(state);
  await expect(loadTokenCertificate(state, next)).rejects.toThrow('of another key');
});
