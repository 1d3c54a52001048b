// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PrincipalBook } from './principal-book.ts';
import { decideRegistry } from './registry-policy.ts';
import { openRegistryPrincipals, type RegistryPrincipals } from './registry-principals.ts';
import { createRegistryRecords, forgetEnded, type RegistryRecords } from './registry-records.ts';
import { drawSecret } from './secret-hash.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const CREATED = '2026-01-01T00:00:00.000Z';
const GRANTS = 'version: 1\ngrants:\n  - { who: "user:*", repositories: "lab/**", actions: pull }\n';

let state: string;
let records: RegistryRecords;
let logged: string[];
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'principals-'));
  records = createRegistryRecords(state);
  logged = [];
});
afterEach(() => rm(state, { recursive: true }));

const open = (grantsFile?: string) =>
  openRegistryPrincipals(
    {
      log: {
        ...silentLog,
        error: (_, message) => logged.push(message),
        warn: (_, message) => logged.push(message),
      },
      ...{ records, isOwnHost: (host: string) => host === 'ds.local', nowMs: () => NOW },
    },
    {
      ...{ stateDirectory: state, grantsFile, writeToken: 'the-write-token-of-it' },
      ...{ adminCertificates: [], readCredential: undefined },
    },
  );
const grantsFile = () => join(state, 'grants.yaml');
const mayPull = (book: PrincipalBook, repository = 'lab/app') =>
  decideRegistry(
    { kind: 'user', name: 'a', groups: [] },
    'pull',
    { kind: 'repository', name: repository },
    book.rules,
  ).kind === 'whole';
/** What a book says once it says something else; a look is not repeated within a moment. */
const becomes = (principals: RegistryPrincipals, what: (book: PrincipalBook) => unknown, value: unknown) =>
  expect.poll(async () => what(await principals.book())).toEqual(value);

it('without a file all is open, until there is one', async () => {
  const principals = await open();
  expect(principals.current().rules.isPullOpen).toBe(true);
  await writeFile(grantsFile(), GRANTS);
  await becomes(principals, ({ rules }) => rules.isPullOpen, false);
  expect([mayPull(principals.current()), mayPull(principals.current(), 'other/app')]).toEqual([true, false]);
});

it('a given file must be there', async () => {
  await expect(open(join(state, 'absent.yaml'))).rejects.toMatchObject({
    code: 'CONFIGURATION_INVALID',
    message: expect.stringContaining('--grants'),
  });
});

describe('a file that cannot be used', () => {
  it.each([
    ['wrong', () => writeFile(grantsFile(), 'version: 1\ngrants: [{ who: nobody }]\n'), 'grants[0].who'],
    ['half written', () => writeFile(grantsFile(), 'version: 1\ngrants: ['), 'line'],
    ['gone', () => rm(grantsFile()), 'is gone'],
  ])('(%s) keeps the old one, and is told of once, until it is put right', async (_, spoil, why) => {
    await writeFile(grantsFile(), GRANTS);
    const principals = await open();
    expect(principals.warnings()).toEqual([]);
    await spoil();
    const warned = [expect.stringMatching(/cannot be used: .*what was read before stays$/)];
    await expect.poll(async () => [await principals.book(), principals.warnings()][1]).toEqual(warned);
    expect(principals.warnings()[0]).toContain(why);
    expect(mayPull(principals.current())).toBe(true);
    expect(logged).toHaveLength(1);
    await writeFile(grantsFile(), 'version: 1\n');
    await becomes(principals, mayPull, false);
    expect(principals.warnings()).toEqual([]);
  });

  it('at the start closes the registry, and is taken when it is put right', async () => {
    await writeFile(grantsFile(), 'grants: wrong\n');
    const principals = await open();
    expect(principals.current().rules).toMatchObject({ isPullOpen: false, grants: [] });
    expect(principals.warnings()).toEqual([expect.stringContaining('nobody but administrators')]);
    await writeFile(grantsFile(), GRANTS);
    await becomes(principals, mayPull, true);
    expect(principals.warnings()).toEqual([]);
  });
});

describe('what commands make', () => {
  const user = { password: drawSecret().kept, groups: [], created: CREATED };

  it('counts, and counts no more when it is taken away', async () => {
    const principals = await open();
    const isKnown = (book: PrincipalBook) => book.loginsOf('alice').length === 1;
    await records.users.edit((users) => users.set('alice', user));
    await becomes(principals, isKnown, true);
    await records.users.edit((users) => users.delete('alice'));
    await becomes(principals, isKnown, false);
  });

  it('counts at once for whoever logs in, however lately somebody looked', async () => {
    const principals = await open();
    const known = async () => (await principals.newest()).loginsOf('alice').length;
    for (let round = 0; round < 10; round += 1) {
      await principals.newest();
      await records.users.edit((users) => users.set('alice', user));
      expect(await Promise.all([known(), known()])).toEqual([1, 1]);
      await principals.book();
      await records.users.edit((users) => users.delete('alice'));
      expect(await Promise.all([known(), known()])).toEqual([0, 0]);
    }
  });

  it('stays when its file is spoilt', async () => {
    await records.users.edit((users) => users.set('alice', user));
    const principals = await open();
    await writeFile(records.users.file, '{"version":1');
    await expect.poll(async () => [await principals.book(), principals.warnings().length][1]).toBe(1);
    expect(principals.current().loginsOf('alice')).toHaveLength(1);
  });

  it('a temporary token ends a minute after it did what it is for', async () => {
    const token = {
      secret: user.password,
      operation: 'push',
      repository: 'lab/app',
      created: CREATED,
    } as const;
    await records.tokens.edit((tokens) => {
      tokens.set('temp-1', { ...token, ends: '2026-01-01T00:10:00.000Z' });
      tokens.set('temp-2', { ...token, ends: '2026-01-01T00:00:10.000Z' });
    });
    const principals = await open();
    for (const subject of ['temp:temp-1', 'temp:temp-2', 'temp:absent', 'user:temp-1', 'admin']) {
      await principals.noteDone(subject);
    }
    const ends = [...(await records.tokens.read()).values()].map((each) => each.ends);
    expect(ends).toEqual(['2026-01-01T00:01:00.000Z', '2026-01-01T00:00:10.000Z']);
    const tokens = await records.tokens.read();
    const kept = new Map(tokens);
    forgetEnded(kept, NOW + 86_400_000 + 30_000);
    expect([...kept.keys()]).toEqual(['temp-1']);
  });
});

it('device configurations assign, as they come and go, and one bad file does not stop the others', async () => {
  const folder = join(state, 'device.d');
  await mkdir(folder);
  await writeFile(grantsFile(), 'version: 1\nassignments: device.d/*.json\n');
  const principals = await open();
  const registry = '00000000-0000-4000-8000-00000000000a';
  const configuration = {
    id: { uuid: 'd1' },
    datastores: [{ id: registry, dType: 'DsContainerRegistry', fqdn: 'docker://ds.local' }],
    contentInfo: [
      {
        ...{ uuid: '00000000-0000-4000-8000-000000000001', URL: 'base/app:3', iformat: 'CONTAINER' },
        dsIdsList: [registry],
      },
    ],
  };
  const assigned = (book: PrincipalBook) =>
    decideRegistry(
      { kind: 'device', id: 'd1' },
      'pull',
      { kind: 'repository', name: 'base/app' },
      book.rules,
    );
  await writeFile(join(folder, 'bad.json'), '{"datastores": ["secret');
  await writeFile(join(folder, 'd1.json'), JSON.stringify(configuration));
  await becomes(principals, assigned, { kind: 'images', references: ['3'] });
  expect(principals.warnings()).toEqual([expect.stringMatching(/bad\.json: it is not JSON/)]);
  await rm(join(folder, 'd1.json'));
  await becomes(principals, assigned, { kind: 'none' });
});

it('who follows is told of every book', async () => {
  const principals = await open();
  const books: PrincipalBook[] = [];
  const stop = new AbortController();
  const following = principals.follow((book) => books.push(book), stop.signal);
  await expect.poll(() => books.length).toBe(1);
  await writeFile(grantsFile(), GRANTS);
  await expect.poll(() => books.length).toBe(2);
  stop.abort();
  await following;
});
