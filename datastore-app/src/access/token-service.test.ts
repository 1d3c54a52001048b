// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt } from 'jose';
import { beforeEach, describe, expect, it } from 'vitest';
import { createAttempts } from './attempts.ts';
import { createAuthenticator } from './authenticator.ts';
import { parseGrants } from './grants-document.ts';
import { type BookSources, createPrincipalBook } from './principal-book.ts';
import { createRegistryTokens } from './registry-tokens.ts';
import { drawSecret } from './secret-hash.ts';
import { parseTokenKey } from './token-key.ts';
import { createTokenService, type TokenRequest, type TokenService } from './token-service.ts';

const WRITE_TOKEN = 'the-write-token-of-it';
const ADMIN_CERTIFICATE = 'ad'.repeat(32);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = parseTokenKey(String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
const alice = drawSecret();
const temporary = drawSecret();
const CERTIFICATE = 'ab'.repeat(32);
const GRANTS = {
  version: 1,
  users: { alice: { password: alice.kept, groups: ['lab'] } },
  devices: { d1: { certificate: CERTIFICATE } },
  grants: [
    { who: 'group:lab', repositories: 'lab/**', actions: ['pull', 'push'] },
    { who: 'device:d1', images: 'base/app:3', actions: 'pull' },
    { who: 'anonymous', repositories: 'public/**', actions: 'pull' },
  ],
};

let sources: BookSources;
let service: TokenService;
beforeEach(() => {
  const record = { secret: temporary.kept, operation: 'push', repository: 'lab/new' } as const;
  const times = { created: '2026-01-01T00:00:00.000Z', ends: '2099-01-01T00:00:00.000Z' };
  sources = {
    ...{
      writeToken: WRITE_TOKEN,
      adminCertificates: [ADMIN_CERTIFICATE],
      readCredential: undefined,
      assigned: [],
    },
    ...{ users: new Map(), devices: new Map(), grants: parseGrants(GRANTS, '/grants.yaml') },
    tokens: new Map([['temp-1', { ...record, ...times }]]),
  };
  const book = async () => createPrincipalBook(sources, Date.now);
  const authenticate = createAuthenticator(
    { attempts: createAttempts({ now: () => 0 }), book },
    { writeToken: WRITE_TOKEN, readCredential: undefined },
  );
  const tokens = createRegistryTokens({ key }, { service: 'Ds.local' });
  service = createTokenService({ authenticate, tokens, book }, { service: 'Ds.local' });
});

const ask = (request: Partial<TokenRequest>) =>
  service({
    ...{ client: 'a', login: undefined, fingerprint: undefined, service: undefined, scopes: [] },
    ...request,
  });
const login = (user: string, password: string) => ({ login: { user, password } });
const ALICE = login('alice', alice.secret);
const TEMPORARY = login('temp-1', temporary.secret);
const ADMIN = login('x', WRITE_TOKEN);
const DEVICE = { fingerprint: CERTIFICATE };

it.each<[string, Partial<TokenRequest>, string, string, string]>([
  ['nobody', {}, '', 'anonymous', ''],
  ['nobody', {}, 'repository:public/os:pull,push', 'anonymous', 'repository:public/os:pull'],
  ['nobody', {}, 'repository:lab/app:pull', 'anonymous', ''],
  ['nobody', {}, 'registry:catalog:*', 'anonymous', 'registry:catalog:*'],
  ['a login', ALICE, '', 'user:alice', ''],
  ['a user', ALICE, 'repository:lab/app:pull,push', 'user:alice', 'repository:lab/app:pull,push'],
  ['a user', ALICE, 'repository:lab/app:*', 'user:alice', 'repository:lab/app:pull,push'],
  ['a user', ALICE, 'repository:lab/a:push repository:other/b:pull', 'user:alice', 'repository:lab/a:push'],
  ['a user', ALICE, 'repository:other/app:pull', 'user:alice', ''],
  ['a device', DEVICE, 'repository:base/app:pull,push', 'device:d1', 'repository:base/app:pull'],
  ['a device', DEVICE, 'repository:lab/app:pull', 'device:d1', ''],
  [
    'a device that logs in as another',
    { ...DEVICE, ...ALICE },
    'repository:lab/a:push',
    'user:alice',
    'repository:lab/a:push',
  ],
  ['an unknown certificate', { fingerprint: '00'.repeat(32) }, 'repository:lab/app:pull', 'anonymous', ''],
  [
    'a temporary token',
    TEMPORARY,
    'repository:lab/new:pull,push,delete',
    'temp:temp-1',
    'repository:lab/new:pull,push',
  ],
  ['a temporary token', TEMPORARY, 'repository:lab/app:pull', 'temp:temp-1', ''],
  ['the write token', ADMIN, 'repository:any/thing:*', 'admin', 'repository:any/thing:pull,push,delete'],
  ['an administrator', { fingerprint: ADMIN_CERTIFICATE }, 'repository:x:push', 'admin', 'repository:x:push'],
  ['an administrator', ADMIN, 'vault:secret:read', 'admin', ''],
])('%s %j, asking for %j, is %s with %j', async (_, request, scope, subject, granted) => {
  const answer = await ask({ ...request, scopes: [scope] });
  expect(answer).toMatchObject({ kind: 'issued', subject, scope: granted, lifetimeSeconds: 300 });
  const claims = decodeJwt('token' in answer ? answer.token : '');
  expect(claims).toMatchObject({ iss: 'Ds.local', aud: 'Ds.local', sub: subject });
  const opened = claims.access as { type: string; name: string; actions: string[] }[];
  expect(opened.map(({ type, name, actions }) => `${type}:${name}:${actions.join()}`).join(' ')).toBe(
    granted,
  );
});

describe('refuses wrong credentials, and nothing else', () => {
  it.each([
    ['a wrong password', login('alice', 'wrong')],
    ['nobody’s name', login('bob', alice.secret)],
    ['a wrong one with a certificate that would do', { ...DEVICE, ...login('d1', 'wrong') }],
  ])('%s', async (_, request) => expect(await ask(request)).toEqual({ kind: 'wrong' }));

  it('more slowly the more there are', async () => {
    for (let count = 0; count < 5; count += 1) await ask(login('alice', 'wrong'));
    expect(await ask(ALICE)).toEqual({ kind: 'slowed', retryAfterSeconds: 1 });
    expect(await ask({ ...ALICE, client: 'b' })).toMatchObject({ kind: 'issued' });
  });
});

it.each([
  ['Ds.local', 'issued'],
  ['ds.LOCAL', 'issued'],
  [undefined, 'issued'],
  ['other.local', 'other-service'],
  ['', 'other-service'],
])('for the service %s: %s', async (asked, kind) => {
  expect(await ask({ service: asked })).toMatchObject({ kind });
});
