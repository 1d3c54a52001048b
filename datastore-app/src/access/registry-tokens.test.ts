// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRegistryTokens, type RegistryTokens, type TokenAccess } from './registry-tokens.ts';
import { parseTokenKey, type TokenKey } from './token-key.ts';

const SERVICE = 'ds.local';
const START = Date.parse('2026-01-01T00:00:00Z');
const ACCESS: readonly TokenAccess[] = [{ type: 'repository', name: 'lab/app', actions: ['pull', 'push'] }];
const CREDENTIAL = 'what is kept of a password';

const makeKey = () =>
  parseTokenKey(
    String(
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ),
  );
let key: TokenKey;
let nowMs: number;
let tokens: RegistryTokens;

beforeAll(() => {
  key = makeKey();
  tokens = createRegistryTokens({ key, nowMs: () => nowMs }, { service: SERVICE });
});

const issue = () => {
  nowMs = START;
  return tokens.issue('user:alice', CREDENTIAL, ACCESS);
};
const CLAIMS = () => ({
  ...{ iss: SERVICE, sub: 'user:alice', aud: SERVICE, access: ACCESS, cred: 'AAAAAAAAAAAAAAAA' },
});

it('has the claims that registries look for, and says no time of issue of its own', async () => {
  const token = await issue();
  expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'JWT', kid: key.id });
  const now = START / 1000;
  expect(decodeJwt(token)).toEqual({
    ...{ iss: SERVICE, sub: 'user:alice', aud: SERVICE, access: ACCESS, jti: expect.any(String) },
    ...{ iat: now, nbf: now - 30, exp: now + 300, cred: expect.any(String) },
  });
  expect(decodeJwt(await issue()).jti).not.toBe(decodeJwt(token).jti);
});

it('carries the certificate of its key where it shall', async () => {
  const pem = '-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n';
  const carrying = createRegistryTokens({ key }, { service: SERVICE, certificate: pem });
  expect(decodeProtectedHeader(await carrying.issue('anonymous', '', [])).x5c).toEqual(['AAAABBBB']);
});

it('is taken for what it opens, for the credential it was issued for', async () => {
  const verified = await tokens.verify(await issue());
  expect(verified).toMatchObject({ subject: 'user:alice', access: ACCESS });
  expect(verified?.isFor([CREDENTIAL])).toBe(true);
  expect(verified?.isFor(['another', CREDENTIAL])).toBe(true);
  expect(verified?.isFor(['another'])).toBe(false);
  expect(verified?.isFor([])).toBe(false);
});

it('says nothing of the credential to who has not the key', async () => {
  const other = createRegistryTokens({ key: makeKey(), nowMs: () => START }, { service: SERVICE });
  const stamps = [await issue(), await other.issue('user:alice', CREDENTIAL, ACCESS)].map(
    (token) => decodeJwt(token).cred,
  );
  expect(stamps[0]).not.toBe(stamps[1]);
});

describe('by the datastore’s clock', () => {
  it.each([
    ['a moment later', 1, true],
    ['in its last second', 299, true],
    ['after its end', 300, false],
    ['long after', 1e6, false],
    ['when the clock was set back a little', -30, true],
    ['when the clock was set back far', -31, false],
  ])('%s (%i s): %s', async (_, seconds, isTaken) => {
    const token = await issue();
    nowMs = START + seconds * 1000;
    expect((await tokens.verify(token)) !== undefined).toBe(isTaken);
  });

  it('is taken in 1970, and in 2100', async () => {
    for (const start of [0, Date.parse('2100-01-01T00:00:00Z')]) {
      nowMs = start;
      expect(await tokens.verify(await tokens.issue('anonymous', '', []))).toBeDefined();
    }
  });
});

describe('is refused', () => {
  const sign = (claims: object, withKey = key, header: { alg: string } = { alg: 'ES256' }) =>
    new SignJWT({ ...claims })
      .setProtectedHeader(header)
      .setIssuedAt(START / 1000)
      .setNotBefore(START / 1000)
      .setExpirationTime(START / 1000 + 300)
      .setJti('j')
      .sign(withKey.privateKey);
  const tampered = (token: string, part: number, change: (text: string) => string) =>
    token
      .split('.')
      .map((text, index) => (index === part ? change(text) : text))
      .join('.');
  const withClaims = (change: object) => (text: string) =>
    Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(text, 'base64url').toString()), ...change }),
    ).toString('base64url');

  it('would be taken if it were as it should', async () => {
    nowMs = START;
    expect(await tokens.verify(await sign(CLAIMS()))).toBeDefined();
  });

  it.each<[string, () => Promise<string> | string]>([
    ['empty', () => ''],
    ['no JWT', () => 'rubbish'],
    ['dots', () => '..'],
    ['endless', () => `${'a'.repeat(20_000)}.b.c`],
    ['of another key', () => sign(CLAIMS(), makeKey())],
    ['for another audience', () => sign({ ...CLAIMS(), aud: 'other.local' })],
    ['of another issuer', () => sign({ ...CLAIMS(), iss: 'other.local' })],
    ['without audience', () => sign({ ...CLAIMS(), aud: undefined })],
    ['of nobody', () => sign({ ...CLAIMS(), sub: undefined })],
    ['for what is no access', () => sign({ ...CLAIMS(), access: 'all' })],
    [
      'for an action that is none',
      () => sign({ ...CLAIMS(), access: [{ type: 'repository', name: 'a', actions: ['*'] }] }),
    ],
    ['for no credential', () => sign({ ...CLAIMS(), cred: undefined })],
    [
      'alg none',
      () =>
        new UnsecuredJWT(CLAIMS())
          .setIssuedAt(START / 1000)
          .setNotBefore(0)
          .setJti('j')
          .setExpirationTime(START / 1000 + 300)
          .encode(),
    ],
    ['alg none over a signature', async () => tampered(await issue(), 0, withClaims({ alg: 'none' }))],
    [
      'HS256 with the public key as secret',
      () =>
        new SignJWT(CLAIMS())
          .setProtectedHeader({ alg: 'HS256' })
          .setIssuedAt(START / 1000)
          .setNotBefore(0)
          .setJti('j')
          .setExpirationTime(START / 1000 + 300)
          .sign(key.publicKey.export({ type: 'spki', format: 'der' })),
    ],
    ['with other claims', async () => tampered(await issue(), 1, withClaims({ sub: 'admin' }))],
    ['with half a signature', async () => tampered(await issue(), 2, (text) => text.slice(0, 43))],
    ['without a signature', async () => tampered(await issue(), 2, () => '')],
    [
      'that brings the key to judge it by',
      async () => {
        const other = makeKey();
        const jwk = other.publicKey.export({ format: 'jwk' });
        return sign(CLAIMS(), other, { alg: 'ES256', jwk } as { alg: string });
      },
    ],
    [
      'without an end',
      () =>
        new SignJWT(CLAIMS())
          .setProtectedHeader({ alg: 'ES256' })
          .setIssuedAt(0)
          .setNotBefore(0)
          .setJti('j')
          .sign(key.privateKey),
    ],
  ])('%s', async (_, make) => {
    nowMs = START;
    expect(await tokens.verify(await make())).toBeUndefined();
  });
});
