// SPDX-License-Identifier: Apache-2.0
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAttempts } from './attempts.ts';
import { type Authenticate, createAuthenticator } from './authenticator.ts';
import { type BookSources, createPrincipalBook } from './principal-book.ts';
import { subjectOf } from './registry-principal.ts';
import { drawSecret, keepPassword } from './secret-hash.ts';

const WRITE_TOKEN = 'the-write-token-of-it';
const READ = { user: 'eve', password: 'read-password' };
const drawn = drawSecret();
let sources: BookSources;
let nowMs: number;
let authenticate: Authenticate;

beforeAll(async () => {
  const record = {
    operation: 'pull',
    repository: 'lab/app',
    created: '',
    ends: '2099-01-01T00:00:00.000Z',
  } as const;
  sources = {
    ...{
      writeToken: WRITE_TOKEN,
      adminCertificates: [],
      readCredential: READ,
      grants: undefined,
      assigned: [],
    },
    users: new Map([['alice', { password: await keepPassword('alice-password'), groups: [] }]]),
    devices: new Map([['d1', { key: drawn.kept, certificate: undefined }]]),
    tokens: new Map([['temp-1', { ...record, secret: drawn.kept }]]),
  };
});
beforeEach(() => {
  nowMs = 0;
  authenticate = createAuthenticator(
    {
      attempts: createAttempts({ now: () => nowMs }),
      book: async () => createPrincipalBook(sources, () => Date.parse('2026-01-01T00:00:00Z')),
    },
    { writeToken: WRITE_TOKEN, readCredential: READ },
  );
});
async function who(user: string, password: string, client = 'a'): Promise<string> {
  const found = await authenticate({ client, user, password });
  return found.kind === 'known' ? subjectOf(found.known.principal) : found.kind;
}

it.each([
  ['anybody', WRITE_TOKEN, 'admin'],
  ['', WRITE_TOKEN, 'admin'],
  ['alice', WRITE_TOKEN, 'admin'],
  ['eve', 'read-password', 'reader'],
  ['alice', 'read-password', 'wrong'],
  ['alice', 'alice-password', 'user:alice'],
  ['bob', 'alice-password', 'wrong'],
  ['d1', drawn.secret, 'device:d1'],
  ['temp-1', drawn.secret, 'temp:temp-1'],
  ['temp-2', drawn.secret, 'wrong'],
  ['alice', '', 'wrong'],
  ['', '', 'wrong'],
  ['alice', 'x'.repeat(100_000), 'wrong'],
])('%s with %s is %s', async (user, password, subject) => expect(await who(user, password)).toBe(subject));

describe('wrong tries', () => {
  const guess = (count: number, client = 'a') =>
    Promise.all(Array.from({ length: count }, (_, index) => who('d1', `guess ${index}`, client)));

  it('are slowed down, also when they come at the same time, and what is right with them', async () => {
    expect(await guess(12)).toEqual([...Array(5).fill('wrong'), ...Array(7).fill('slowed')]);
    expect(await authenticate({ client: 'a', user: 'd1', password: drawn.secret })).toEqual({
      kind: 'slowed',
      retryAfterSeconds: 1,
    });
    expect(await who('d1', drawn.secret, 'b')).toBe('device:d1');
    nowMs = 1000;
    expect(await who('d1', drawn.secret)).toBe('device:d1');
  });

  it('of others never refuse the write token, nor who had it right before', async () => {
    expect(await who('d1', drawn.secret, 'known')).toBe('device:d1');
    for (let client = 0; client < 120; client += 1) await guess(5, `10.1.0.${client}`);
    expect(await who('d1', drawn.secret, 'stranger')).toBe('slowed');
    expect(await who('d1', drawn.secret, 'known')).toBe('device:d1');
    expect(await who('x', WRITE_TOKEN, 'stranger')).toBe('admin');
  });

  it('are not what many different clients do who are right', async () => {
    for (let client = 0; client < 600; client += 1) {
      expect(await who('d1', drawn.secret, `10.2.${client >> 8}.${client & 255}`)).toBe('device:d1');
    }
    expect(await who('d1', drawn.secret, 'stranger')).toBe('device:d1');
  });
});
