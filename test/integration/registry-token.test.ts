// SPDX-License-Identifier: Apache-2.0
/** Tokens for the registry, of the real program on loopback: how they are had, and how commands and grants count. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { issueAuthority, issueLeaf } from '@local-datastore/shared/tls/issue-certificates';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';

interface Token {
  readonly token: string;
  readonly access_token: string;
  readonly expires_in: number;
}
interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly access: { name: string; actions: string[] }[];
}

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
const grantsFile = () => join(place.state, 'grants.yaml');

beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start('--host-name', 'ds', '--tls', 'authority');
});
afterAll(() => place.remove());

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims;
const opened = ({ access }: Claims) =>
  access.map(({ name, actions }) => `${name}:${actions.join()}`).join(' ');
async function ask(query: string, headers: Record<string, string> = {}): Promise<Claims> {
  const answer = await datastore.get(`/-/token?${query}`, headers);
  expect(answer.status).toBe(200);
  return claimsOf((JSON.parse(answer.body.toString()) as Token).token);
}
const registry = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await place.runPlain(
    'registry',
    ...args,
    '--state',
    place.state,
    '--json',
  );
  expect([exitCode, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Record<string, string>;
};
async function writeGrants(text: string): Promise<void> {
  await writeFile(`${grantsFile()}.new`, text);
  await rename(`${grantsFile()}.new`, grantsFile());
}

describe('a token', () => {
  it('is had by anybody, without a time of issue, and is never kept by caches', async () => {
    const answer = await datastore.get('/-/token?service=ds.local&scope=repository:lab/app:pull');
    const document = JSON.parse(answer.body.toString()) as Token;
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
    expect(document).toEqual({ token: document.token, access_token: document.token, expires_in: 300 });
    expect(claimsOf(document.token)).toMatchObject({ iss: 'ds.local', aud: 'ds.local', sub: 'anonymous' });
    expect(opened(claimsOf(document.token))).toBe('lab/app:pull');
  });

  it('is signed with a key of the state directory, which its owner alone can read', async () => {
    const file = join(place.state, 'token-key.pem');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(createPublicKey(createPrivateKey(await readFile(file))).asymmetricKeyType).toBe('ec');
  });

  it.each([
    ['several scopes', 'scope=repository:a:pull&scope=repository:b:pull,push', 'a:pull b:pull'],
    ['scopes with spaces', 'scope=repository:a:pull%20repository:b:pull', 'a:pull b:pull'],
    ['none', 'account=x&client_id=y&offline_token=true', ''],
  ])('for %s', async (_, query, access) => expect(opened(await ask(query))).toBe(access));

  it('for the write token opens everything, as Basic or as Bearer', async () => {
    const query = 'scope=repository:any/thing:pull,push,delete';
    for (const headers of [basic('anybody', WRITE_TOKEN), { authorization: `Bearer ${WRITE_TOKEN}` }]) {
      const claims = await ask(query, headers);
      expect([claims.sub, opened(claims)]).toEqual(['admin', 'any/thing:pull,push,delete']);
    }
  });

  it('is refused for a wrong credential, and for another registry', async () => {
    const wrong = await datastore.get('/-/token', basic('alice', 'wrong'));
    expect([wrong.status, wrong.headers['www-authenticate']]).toEqual([
      401,
      expect.stringMatching(/^Basic /),
    ]);
    expect((await datastore.get('/-/token?service=other.local')).status).toBe(400);
  });

  it('is not had by a name that leads here for a moment', async () => {
    expect(problemOf(await datastore.get('/-/token', { Host: 'evil.example' }))).toBe('HOST_UNKNOWN');
  });
});

describe('by OAuth 2', () => {
  const post = (body: string, headers: Record<string, string> = {}) =>
    datastore.request('POST', '/-/token', {
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      ...{ body, withToken: false },
    });
  const form = (fields: Record<string, string>) =>
    String(
      new URLSearchParams({ grant_type: 'password', service: 'ds.local', client_id: 'test', ...fields }),
    );

  it('a name and a password are taken', async () => {
    const scope = 'repository:lab/app:push';
    const answer = await post(form({ username: 'x', password: WRITE_TOKEN, scope, access_type: 'offline' }));
    const document = JSON.parse(answer.body.toString()) as Token;
    expect([answer.status, document]).toMatchObject([200, { scope, token_type: 'Bearer', expires_in: 300 }]);
    expect(claimsOf(document.access_token).sub).toBe('admin');
  });

  it.each([
    ['a wrong password', form({ username: 'x', password: 'wrong' }), {}, 401],
    [
      'another grant',
      form({ grant_type: 'refresh_token', refresh_token: 'x' }),
      {},
      'GRANT_TYPE_UNSUPPORTED',
    ],
    ['JSON', '{}', { 'content-type': 'application/json' }, 415],
    ['a form that is too large', `x=${'y'.repeat(100_000)}`, {}, 413],
    ['a form of a page of another origin', form({}), { origin: 'http://evil.example' }, 'ORIGIN_FOREIGN'],
  ])('not %s', async (_, body, headers, code) => expect(problemOf(await post(body, headers))).toBe(code));
});

describe('what commands and files say counts while the datastore runs', () => {
  it('users, devices and temporary tokens come and go', async () => {
    const user = await registry('user', 'add', 'alice', '--group', 'lab');
    const device = await registry('device', 'add', 'D1');
    const temporary = await registry('token', 'create', '--op', 'push', '--repository', 'lab/new');
    const query = 'scope=repository:lab/new:pull,push';
    const found = [
      await ask(query, basic('alice', user.password ?? '')),
      await ask(query, basic('d1', device.key ?? '')),
      await ask(query, basic(temporary.user ?? '', temporary.password ?? '')),
    ];
    expect(found.map((claims) => [claims.sub, opened(claims)])).toEqual([
      ['user:alice', 'lab/new:pull'],
      ['device:d1', 'lab/new:pull'],
      [`temp:${temporary.user}`, 'lab/new:pull,push'],
    ]);
    await registry('token', 'revoke', temporary.user ?? '');
    await registry('user', 'remove', 'alice');
    for (const [name, secret] of [
      ['alice', user.password],
      [temporary.user, temporary.password],
    ]) {
      await expect
        .poll(async () => (await datastore.get('/-/token', basic(name ?? '', secret ?? ''))).status)
        .toBe(401);
    }
  });

  it('grants are read again when they change, and a wrong file keeps the old one and is shouted about', async () => {
    const pulls = (query = 'scope=repository:lab/app:pull') => ask(query).then(opened);
    expect(await pulls()).toBe('lab/app:pull');
    await writeGrants('version: 1\n');
    await expect.poll(() => pulls()).toBe('');
    await writeGrants('version: 1\ngrants: [{ who: anonymous, repositories: "lab/**", actions: pull }]\n');
    await expect.poll(() => pulls()).toBe('lab/app:pull');
    await writeGrants('version: 1\ngrants: [{ who: nobody }]\n');
    const warnings = async () => (await datastore.json('/-/api/v1/status')).warnings as string[];
    await expect.poll(warnings).toContainEqual(expect.stringContaining('grants.yaml cannot be used'));
    expect(datastore.log()).toContain('grants.yaml cannot be used');
    expect(await pulls()).toBe('lab/app:pull');
    const ready = await datastore.get('/-/readyz');
    expect([ready.status, ready.body.toString()]).toEqual([200, expect.stringContaining('grants.yaml')]);
  });
});

describe('a client’s certificate', () => {
  const validity = { notBefore: new Date(0), notAfter: new Date('2090-01-01') };
  /** Whom a token over HTTPS is for; null: nobody was asked for a certificate. */
  const subjectOf = (client: { cert: string; key: string }) =>
    new Promise<string>((resolve, reject) => {
      httpsRequest(
        {
          host: ADDRESS,
          port: datastore.tlsPort,
          path: '/-/token',
          agent: false,
          rejectUnauthorized: false,
          ...client,
        },
        (response) => resolve(json(response).then((document) => claimsOf((document as Token).token).sub)),
      )
        .once('error', reject)
        .end();
    });

  it('is asked for once a device has one, and says which device it is', async () => {
    const authority = await issueAuthority('clients', validity);
    const leaf = await issueLeaf(authority, { ...validity, commonName: 'd2', alternativeNames: ['d2'] });
    const client = { cert: leaf.certificate, key: leaf.key };
    expect(await subjectOf(client)).toBe('anonymous');
    const file = join(place.folder, 'd2.pem');
    await writeFile(file, leaf.certificate);
    await registry('device', 'add', 'd2', '--certificate', file);
    await expect.poll(() => subjectOf(client)).toBe('device:d2');
    const stranger = await issueLeaf(authority, { ...validity, commonName: 'd3', alternativeNames: ['d3'] });
    expect(await subjectOf({ cert: stranger.certificate, key: stranger.key })).toBe('anonymous');
    await registry('device', 'remove', 'd2');
    await expect.poll(() => subjectOf(client)).toBe('anonymous');
  });
});
