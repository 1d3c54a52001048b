// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createOwnNames } from '@local-datastore/shared/http/request-origin';
import { findBearerChallenge } from '@local-datastore/shared/oci/challenge';
import { beforeEach, describe, expect, it } from 'vitest';
import { createAttempts } from './attempts.ts';
import { createAuthenticator } from './authenticator.ts';
import { parseGrants } from './grants-document.ts';
import { createPlaces } from './places.ts';
import { type BookSources, createPrincipalBook } from './principal-book.ts';
import { createRegistryAccess, type RegistryAccess, type RegistryWish } from './registry-access.ts';
import { createRegistryTokens, type RegistryTokens, type TokenAccess } from './registry-tokens.ts';
import { drawSecret } from './secret-hash.ts';
import { parseTokenKey } from './token-key.ts';

const SERVICE = 'ds.local';
const WRITE_TOKEN = 'the-write-token-of-it';
const NOW = Date.parse('2026-01-01T00:00:00Z');
const REACHED = `sha256:${'ab'.repeat(32)}`;
const OTHER = `sha256:${'cd'.repeat(32)}`;
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = parseTokenKey(String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
const alice = drawSecret();
const device = drawSecret();
const GRANTS = {
  version: 1,
  users: { alice: { password: alice.kept } },
  devices: { d1: { key: device.kept } },
  grants: [
    { who: 'user:alice', repositories: 'lab/**', actions: ['pull', 'push', 'delete'] },
    { who: 'device:d1', images: 'base/app:3', actions: 'pull' },
    { who: 'anonymous', repositories: 'public/**', actions: 'pull' },
  ],
};

let sources: BookSources;
let nowMs: number;
let tokens: RegistryTokens;
let access: RegistryAccess;
beforeEach(() => {
  sources = {
    ...{ writeToken: WRITE_TOKEN, adminCertificates: [], readCredential: undefined, assigned: [] },
    ...{
      users: new Map(),
      devices: new Map(),
      tokens: new Map(),
      grants: parseGrants(GRANTS, '/grants.yaml'),
    },
  };
  nowMs = NOW;
  const book = async () => createPrincipalBook(sources, () => nowMs);
  tokens = createRegistryTokens({ key, nowMs: () => nowMs }, { service: SERVICE });
  access = createRegistryAccess(
    {
      authenticate: createAuthenticator(
        { attempts: createAttempts({ now: () => 0 }), book },
        { writeToken: WRITE_TOKEN, readCredential: undefined },
      ),
      tokens,
      book,
      reaches: async (_repository, _references, digest) => digest === REACHED,
      places: createPlaces(createOwnNames([SERVICE]), { hostName: SERVICE, publicUrl: undefined }),
      noteDone: async () => {},
    },
    { service: SERVICE },
  );
});

const PING: RegistryWish = { action: 'ping', repository: undefined };
const CATALOG: RegistryWish = { action: 'catalog', repository: undefined };
const wish = (action: 'pull' | 'push' | 'delete', repository: string, reference?: string): RegistryWish => ({
  ...{ action, repository, reference },
});
const request = (authorization?: string, host = 'ds.local:8080') =>
  ({
    headers: { host, ...(authorization !== undefined && { authorization }) },
    socket: { remoteAddress: '10.1.0.9', localAddress: '10.1.0.5', localPort: 8080 },
  }) as unknown as IncomingMessage;
const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const opening = (name: string, ...actions: ('pull' | 'push' | 'delete')[]): TokenAccess => ({
  ...{ type: 'repository', name, actions },
});
async function bearer(subject: string, credential: string, ...opened: TokenAccess[]): Promise<string> {
  return `Bearer ${await tokens.issue(subject, credential, opened)}`;
}
/** The status, and of a challenge its scope and its error. */
async function answer(authorization: string | undefined, what: RegistryWish): Promise<string> {
  const decision = await access.decide(request(authorization), what);
  if (decision.kind === 'allowed') return `allowed ${decision.subject}`;
  const { scope, error } = findBearerChallenge(decision.challenge ?? '') ?? {};
  return [decision.status, decision.code, scope, error].filter((part) => part !== undefined).join(' ');
}

it('sends to the token service that the client can reach', async () => {
  const decision = await access.decide(request(undefined, 'ds.local:8080'), PING);
  expect(decision).toMatchObject({ kind: 'denied', status: 401 });
  expect(findBearerChallenge('challenge' in decision ? (decision.challenge ?? '') : '')).toEqual({
    ...{ realm: 'http://ds.local:8080/-/token', service: SERVICE, scope: undefined, error: undefined },
  });
});

describe('who says nothing', () => {
  it.each([
    ['the base', PING, '401 UNAUTHORIZED'],
    ['what is open', wish('pull', 'public/os'), 'allowed anonymous'],
    ['what is not', wish('pull', 'lab/app'), '401 UNAUTHORIZED repository:lab/app:pull'],
    ['a push', wish('push', 'public/os'), '401 UNAUTHORIZED repository:public/os:pull,push'],
    ['a deletion', wish('delete', 'public/os'), '401 UNAUTHORIZED repository:public/os:delete'],
    ['the catalogue', CATALOG, 'allowed anonymous'],
  ])('and wants %s', async (_, what, said) => expect(await answer(undefined, what)).toBe(said));

  it('and wants the catalogue, where nothing is open', async () => {
    sources = { ...sources, grants: parseGrants({ version: 1 }, '/g') };
    expect(await answer(undefined, CATALOG)).toBe('401 UNAUTHORIZED registry:catalog:*');
  });

  it('may pull all, where nobody said who may', async () => {
    sources = { ...sources, grants: undefined };
    expect(await answer(undefined, wish('pull', 'lab/app'))).toBe('allowed anonymous');
    expect(await answer(undefined, PING)).toBe('401 UNAUTHORIZED');
  });
});

describe('who has a token', () => {
  const ofAlice = (...opened: TokenAccess[]) => bearer('user:alice', alice.kept, ...opened);
  it.each<[string, () => Promise<string>, RegistryWish, string]>([
    ['for nothing: the base', () => ofAlice(), PING, 'allowed user:alice'],
    ['for it', () => ofAlice(opening('lab/app', 'push')), wish('push', 'lab/app'), 'allowed user:alice'],
    [
      'that is too small',
      () => ofAlice(opening('lab/app', 'pull')),
      wish('push', 'lab/app'),
      '401 UNAUTHORIZED repository:lab/app:pull,push insufficient_scope',
    ],
    ['and no grant', () => ofAlice(opening('other/app', 'pull')), wish('pull', 'other/app'), '403 DENIED'],
    ['for another thing, of what is open', () => ofAlice(), wish('pull', 'public/os'), 'allowed user:alice'],
    [
      'of nobody in particular',
      () => bearer('anonymous', ''),
      wish('pull', 'lab/app'),
      '401 UNAUTHORIZED repository:lab/app:pull insufficient_scope',
    ],
    ['of nobody: the base', () => bearer('anonymous', ''), PING, 'allowed anonymous'],
    [
      'of an administrator',
      () => bearer('admin', WRITE_TOKEN, opening('x', 'delete')),
      wish('delete', 'x'),
      'allowed admin',
    ],
  ])('%s', async (_, make, what, said) => expect(await answer(await make(), what)).toBe(said));

  it.each<[string, string]>([
    ['the version that is assigned', '3'],
    ['what it is made of', REACHED],
  ])('of a device: %s', async (_, reference) => {
    const token = await bearer('device:d1', device.kept, opening('base/app', 'pull'));
    expect(await answer(token, wish('pull', 'base/app', reference))).toBe('allowed device:d1');
  });

  it.each<[string, RegistryWish]>([
    ['another version', wish('pull', 'base/app', '4')],
    ['what that is made of', wish('pull', 'base/app', OTHER)],
    ['another repository', wish('pull', 'lab/app', '3')],
    ['a push', wish('push', 'base/app', '3')],
    ['a deletion', wish('delete', 'base/app', '3')],
  ])('of a device, and wants %s', async (_, what) => {
    const token = await bearer(
      'device:d1',
      device.kept,
      opening('base/app', 'pull'),
      opening('lab/app', 'pull'),
    );
    expect(await answer(token, what)).toBe('403 DENIED');
  });
});

describe('is sent for another token with one that', () => {
  const what = wish('pull', 'lab/app');
  const refused = '401 UNAUTHORIZED repository:lab/app:pull invalid_token';
  const issue = () => bearer('user:alice', alice.kept, opening('lab/app', 'pull'));

  it('is expired', async () => {
    const token = await issue();
    expect(await answer(token, what)).toBe('allowed user:alice');
    nowMs += 300_000;
    expect(await answer(token, what)).toBe(refused);
  });

  it.each<[string, object]>([
    ['is of a user who is gone', { ...GRANTS, users: {} }],
    ['is of a password that was changed', { ...GRANTS, users: { alice: { password: drawSecret().kept } } }],
  ])('%s', async (_, document) => {
    const token = await issue();
    sources = { ...sources, grants: parseGrants(document, '/g') };
    expect(await answer(token, what)).toBe(refused);
  });

  it('is of a temporary token that was revoked', async () => {
    const secret = drawSecret();
    const record = { secret: secret.kept, operation: 'push', repository: 'lab/app' } as const;
    const times = { created: '2026-01-01T00:00:00.000Z', ends: '2026-01-01T00:10:00.000Z' };
    sources = { ...sources, tokens: new Map([['temp-1', { ...record, ...times }]]) };
    const token = await bearer('temp:temp-1', secret.kept, opening('lab/app', 'pull', 'push'));
    expect(await answer(token, wish('push', 'lab/app'))).toBe('allowed temp:temp-1');
    sources = { ...sources, tokens: new Map() };
    expect(await answer(token, wish('push', 'lab/app'))).toMatch(/^401 UNAUTHORIZED .* invalid_token$/);
  });

  it.each(['a.b.c', 'eyJhbGciOiJub25lIn0.e30.'])('is forged: %s', async (forged) => {
    expect(await answer(`Bearer ${forged}`, what)).toBe(refused);
  });

  it('is denied by a grant that is gone', async () => {
    const token = await issue();
    sources = { ...sources, grants: parseGrants({ ...GRANTS, grants: [] }, '/g') };
    expect(await answer(token, what)).toBe('403 DENIED');
  });
});

describe('without the token service', () => {
  it.each([
    [`Bearer ${WRITE_TOKEN}`, wish('delete', 'any/app'), 'allowed admin'],
    [basic('anybody', WRITE_TOKEN), wish('push', 'any/app'), 'allowed admin'],
    [basic('anybody', WRITE_TOKEN), PING, 'allowed admin'],
    [basic('alice', alice.secret), wish('push', 'lab/app'), 'allowed user:alice'],
    [basic('alice', alice.secret), wish('push', 'other/app'), '403 DENIED'],
    [basic('alice', 'wrong'), wish('push', 'lab/app'), '401 UNAUTHORIZED repository:lab/app:pull,push'],
    ['Bearer wrong', wish('push', 'lab/app'), '401 UNAUTHORIZED repository:lab/app:pull,push'],
    ['Digest x', wish('pull', 'lab/app'), '401 UNAUTHORIZED repository:lab/app:pull'],
  ])('%s is decided at once', async (authorization, what, said) => {
    expect(await answer(authorization, what)).toBe(said);
  });

  it('wrong tries are slowed down', async () => {
    for (let count = 0; count < 5; count += 1) await answer('Bearer wrong', PING);
    expect(await access.decide(request(`Bearer ${WRITE_TOKEN}`), PING)).toMatchObject({
      ...{ status: 429, code: 'TOOMANYREQUESTS', retryAfterSeconds: 1 },
    });
    expect(await answer(await bearer('admin', WRITE_TOKEN), PING)).toBe('allowed admin');
  });
});

it('tells what else a request may', async () => {
  const token = await bearer(
    'user:alice',
    alice.kept,
    opening('lab/app', 'pull', 'push'),
    opening('lab/base', 'pull'),
  );
  const decision = await access.decide(request(token), wish('push', 'lab/app'));
  const may = decision.kind === 'allowed' ? decision.may : () => false;
  const mounts = ['lab/app', 'lab/base', 'lab/other', 'public/os', 'other/app'].filter((from) =>
    may('pull', from),
  );
  expect(mounts).toEqual(['lab/app', 'lab/base', 'public/os']);
});
