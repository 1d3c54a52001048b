// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_LISTS } from '@local-datastore/shared/eve/config-document';
import { readDeviceConfig } from '@local-datastore/shared/eve/device-config';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createJsonFile } from '../content/json-file.ts';
import { lostFallbacks, planDesired } from '../reconcile/desired.ts';
import { configOf, datastoreIdOf, datastoreOf, treeOf, uuidOf } from '../reconcile/test-fixtures.ts';
import { createConfiguration, withoutSecrets } from './configuration.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'configuration-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A log, and the fields and text of each line of it. */
function keepLog() {
  const lines: unknown[][] = [];
  const keep = (...line: unknown[]) => void lines.push(line);
  return { log: { ...silentLog, warn: keep, error: keep }, lines };
}

describe('the configuration in force', () => {
  function create() {
    const applied: number[] = [];
    const { log, lines } = keepLog();
    const configuration = createConfiguration({
      apply(config) {
        applied.push(config.contentInfo.length);
        return lostFallbacks(planDesired(config, { allowPlainCredentials: false }));
      },
      file: createJsonFile(join(folder, 'last.json'), z.unknown(), log, 0o600),
      wallMs: () => 0,
      log,
    });
    return { applied, configuration, lines };
  }
  const good = [{ name: '', document: { datastores: [datastoreOf(1)], contentInfo: [treeOf(1)] } }];
  const bad = [{ name: '', document: { contentInfo: 5 } }];

  it('stays when a bad one comes, which is reported', () => {
    const { applied, configuration } = create();
    expect(configuration.status().state).toBe('none');
    configuration.offer(good, 'file');
    expect(configuration.offer(bad, 'file')).toBe(false);
    expect(applied).toEqual([1]);
    expect(configuration.status()).toMatchObject({ state: 'refused', contentTrees: 1, source: 'file' });
    expect(configuration.status().problems.map(({ path }) => path)).toEqual(['contentInfo']);
    configuration.offer(good, 'file');
    expect(configuration.status()).toMatchObject({ state: 'applied', problems: [] });
  });

  it('is that of the last run where there is only a bad one', () => {
    create().configuration.offer(good, 'file');
    const { applied, configuration } = create();
    configuration.refuse([{ path: 'x', message: 'cannot be read' }], 'file');
    expect(applied).toEqual([1]);
    expect(configuration.status()).toMatchObject({ state: 'refused', contentTrees: 1 });
  });

  it('comes with a warning for a datastore that only others stand in for', () => {
    const { configuration, lines } = create();
    const missing = datastoreIdOf(3);
    const dsIdsList = [datastoreIdOf(2), missing, datastoreIdOf(1)];
    const trees = [treeOf(1, { dsIdsList }), treeOf(2, { dsIdsList }), treeOf(3, { dsIdsList: [missing] })];
    const datastores = [datastoreOf(1), datastoreOf(2, { dType: 'DsS3' })];
    configuration.offer([{ name: '', document: { datastores, contentInfo: trees } }], 'file');
    const warnings = [
      expect.stringContaining('dType DsS3 is not supported'),
      `datastore ${missing} is not in the configuration`,
    ];
    expect(configuration.status()).toMatchObject({ state: 'applied', warnings });
    expect(lines).toMatchObject([[{ source: 'file', warnings, count: 2 }, expect.any(String)]]);
    configuration.offer([{ name: '', document: { datastores, contentInfo: [treeOf(1)] } }], 'file');
    expect(configuration.status().warnings).toEqual([]);
    expect(lines.length).toBe(1);
  });

  it('is said to be left out where an earlier run left none', async () => {
    await writeFile(join(folder, 'last.json'), JSON.stringify({ message: 'Unauthorized' }));
    const { applied, configuration, lines } = create();
    configuration.restore();
    expect([applied, configuration.status().state]).toEqual([[], 'none']);
    expect(JSON.stringify(lines)).toContain('no device configuration');
  });

  describe('that wants nothing of what was wanted', () => {
    const documentOf = (...trees: object[]) => [
      { name: '', document: { datastores: [datastoreOf(1)], contentInfo: trees } },
    ];
    const all = documentOf(treeOf(1), treeOf(2));

    it.each([
      ['{}', [{ name: '', document: {} }], 'all 2 content trees'],
      ['empty lists', documentOf(), 'all 2 content trees'],
      ['datastores alone', [{ name: '', document: { datastores: [datastoreOf(1)] } }], 'all 2'],
      ['an empty envelope', [{ name: '', document: { config: {}, configHash: 'x' } }], 'all 2'],
      ['other trees', documentOf(treeOf(3)), 'all 2'],
    ])('is a warning, in the log and in the status: %s', (_name, next, words) => {
      const { configuration, lines } = create();
      configuration.offer(all, 'file');
      configuration.offer(next, 'file');
      expect(configuration.status()).toMatchObject({
        state: 'applied',
        warnings: [expect.stringContaining(words)],
      });
      expect(lines).toEqual([[{ source: 'file' }, expect.stringContaining(words)]]);
    });

    it('also where the service was down in between', () => {
      create().configuration.offer(documentOf(treeOf(1)), 'file');
      const { configuration } = create();
      configuration.offer(documentOf(), 'file');
      expect(configuration.status().warnings).toEqual([expect.stringContaining('the one content tree')]);
    });

    it.each([
      ['one of several stays', documentOf(treeOf(2))],
      ['the content stays under another uuid', documentOf({ ...treeOf(1), uuid: treeOf(9).uuid })],
      ['the uuid stays with other content', documentOf({ ...treeOf(3), uuid: treeOf(1).uuid })],
    ])('is none where %s', (_name, next) => {
      const { configuration } = create();
      configuration.offer(all, 'file');
      configuration.offer(next, 'file');
      expect(configuration.status().warnings).toEqual([]);
    });

    it('nor where nothing was', () => {
      const { configuration } = create();
      configuration.offer(documentOf(), 'file');
      configuration.offer(documentOf(), 'file');
      expect(configuration.status().warnings).toEqual([]);
    });
  });

  it.each([
    [{ message: 'Unauthorized' }, '"message"'],
    [{ Datastores: [], ContentInfo: [] }, '"Datastores"'],
    [[], 'a list of 0'],
  ])('stays when %j comes, which says nothing of content', (document, words) => {
    const { applied, configuration } = create();
    configuration.offer(good, 'file');
    configuration.offer([{ name: '', document }], 'file');
    expect(applied).toEqual([1]);
    expect(configuration.status()).toMatchObject({
      state: 'refused',
      problems: [{ message: expect.stringContaining(words) }],
      contentTrees: 1,
    });
  });

  it('is warned of for a datastore that cannot be read, and for entries whose fault is their own', () => {
    const { applied, configuration, lines } = create();
    const datastores = [datastoreOf(1), datastoreOf(2, { dType: 99 }), 'x'];
    const trees = [
      treeOf(1, { dsIdsList: [datastoreIdOf(2), datastoreIdOf(1)] }),
      treeOf(2, { iformat: 99 }),
      { displayName: 'nameless' },
    ];
    expect(configuration.offer([{ name: '', document: { datastores, contentInfo: trees } }], 'api')).toBe(
      true,
    );
    expect(applied).toEqual([1]);
    expect(configuration.status()).toMatchObject({
      state: 'applied',
      warnings: [
        expect.stringContaining(`datastore ${datastoreIdOf(2)} cannot be read: datastores[1].dType`),
        expect.stringContaining('a datastore cannot be read: datastores[2]'),
      ],
      unusable: [{ path: 'contentInfo[1].iformat' }, { path: 'contentInfo[2].uuid' }],
      contentTrees: 1,
    });
    expect(JSON.stringify(lines)).toContain('contentInfo[1].iformat');
  });

  describe('whose new entry cannot be used', () => {
    const of = (...trees: unknown[]) => [
      { name: '', document: { datastores: [datastoreOf(1)], contentInfo: trees } },
    ];
    const kept = ({ current }: ReturnType<typeof create>['configuration']) =>
      current().contentInfo.map(({ uuid, URL: url }) => [uuid, url]);
    const broken = treeOf(1, { sha256: 'half', URL: 'new' });

    it('keeps the tree as it was, also over a restart and another such entry, until one can be used', () => {
      const first = create().configuration;
      first.offer(of(treeOf(1), treeOf(2)), 'file');
      first.offer(of(broken, treeOf(2)), 'file');
      expect(kept(first)).toEqual([
        [uuidOf(2), 'file-2'],
        [uuidOf(1), 'file-1'],
      ]);
      expect(first.status()).toMatchObject({ warnings: [], contentTrees: 2 });
      const { configuration } = create();
      configuration.restore();
      expect(kept(configuration)).toEqual(kept(first));
      configuration.offer(of(broken), 'file');
      expect(kept(configuration)).toEqual([[uuidOf(1), 'file-1']]);
      expect(configuration.status().unusable).toMatchObject([{ path: 'contentInfo[0].sha256' }]);
      configuration.offer(of(treeOf(1, { URL: 'new' })), 'file');
      expect(kept(configuration)).toEqual([[uuidOf(1), 'new']]);
    });

    it('drops it where the entry is gone, or says nothing of its uuid', () => {
      const { configuration } = create();
      configuration.offer(of(treeOf(1), treeOf(2)), 'file');
      configuration.offer(of({ ...broken, uuid: 'x' }, treeOf(2)), 'file');
      expect(kept(configuration)).toEqual([[uuidOf(2), 'file-2']]);
    });
  });

  describe('of several documents', () => {
    const piece = (name: string, ...trees: object[]) => ({
      name,
      document: { datastores: [datastoreOf(1)], contentInfo: trees },
    });
    const unread = (name: string) => ({ name, problem: 'not JSON' });
    const wanted = ({ current }: ReturnType<typeof create>['configuration']) =>
      current().contentInfo.map(({ uuid }) => uuid);

    it.each([
      ['cannot be read', unread('a.json'), 'not JSON'],
      ['is an error message', { name: 'a.json', document: { message: 'x' } }, '"message"'],
      ['holds no list', { name: 'a.json', document: { contentInfo: 1 } }, 'a list expected'],
    ])('keeps what a file said before that %s, and takes the others', (_name, bad, words) => {
      create().configuration.offer([piece('a.json', treeOf(1)), piece('b.json', treeOf(2))], 'folder');
      // The second time after a restart.
      for (const { configuration, lines } of [create(), create()]) {
        expect(configuration.offer([bad, piece('b.json', treeOf(3))], 'folder')).toBe(true);
        expect(wanted(configuration)).toEqual([uuidOf(1), uuidOf(3)]);
        const { state, problems, refusedAt } = configuration.status();
        expect([state, refusedAt]).toEqual(['partial', '1970-01-01T00:00:00.000Z']);
        expect(problems).toEqual([
          { path: expect.stringMatching(/^a\.json/), message: expect.stringContaining(words) },
        ]);
        expect(JSON.stringify(lines)).toContain('what they said before stays');
        configuration.restore();
        expect(configuration.status()).toMatchObject({ state: 'applied', problems: [] });
      }
    });

    it('is that of the others where a file never said anything, or said it in another folder', () => {
      const { configuration } = create();
      configuration.offer([unread('a.json'), piece('b.json', treeOf(2))], 'folder');
      expect(wanted(configuration)).toEqual([uuidOf(2)]);
      configuration.offer([piece('a.json', treeOf(1))], 'folder');
      configuration.offer([unread('a.json'), piece('b.json', treeOf(2))], 'other');
      expect(wanted(configuration)).toEqual([uuidOf(2)]);
    });

    it('stays as it is where none can be read', () => {
      const { configuration, applied } = create();
      configuration.offer([piece('a.json', treeOf(1)), piece('b.json', treeOf(2))], 'folder');
      expect(configuration.offer([unread('a.json')], 'folder')).toBe(false);
      expect([applied, wanted(configuration)]).toEqual([[2], [uuidOf(1), uuidOf(2)]]);
      expect(configuration.status()).toMatchObject({ state: 'refused', problems: [{ path: 'a.json' }] });
    });

    it('comes back from what an older version stored', async () => {
      const { document } = piece('', treeOf(1));
      await writeFile(join(folder, 'last.json'), JSON.stringify(document));
      const { configuration } = create();
      configuration.restore();
      expect(wanted(configuration)).toEqual([uuidOf(1)]);
    });
  });

  it('has its apps, volumes and network instances again after a restart, each of its document', () => {
    const lists = (n: number) => ({
      apps: [{ uuidandversion: { uuid: uuidOf(n) }, volumeRefList: [{ uuid: uuidOf(n) }] }],
      volumes: [{ uuid: uuidOf(n), origin: { type: 'VCOT_BLANK' } }],
      networkInstances: [{ uuidandversion: { uuid: uuidOf(n) } }],
    });
    const document = (n: number) => ({ contentInfo: [treeOf(n)], ...lists(n) });
    const pieces = [1, 2].map((n) => ({ name: `${n}.json`, document: document(n) }));
    create().configuration.offer(pieces, 'folder');
    const { configuration } = create();
    configuration.restore();
    const { apps, volumes, networkInstances } = configuration.current();
    const uuids = [uuidOf(1), uuidOf(2)];
    expect(apps.map(({ uuidandversion }) => uuidandversion.uuid)).toEqual(uuids);
    expect(volumes.map(({ uuid }) => uuid)).toEqual(uuids);
    expect(networkInstances.map(({ uuidandversion }) => uuidandversion.uuid)).toEqual(uuids);
    // What one document said stays when it cannot be read, whatever the other says now.
    const [first] = pieces;
    configuration.offer(
      [
        { ...first, name: '1.json', document: document(3) },
        { name: '2.json', problem: 'cut' },
      ],
      'folder',
    );
    expect(configuration.current().apps.map(({ uuidandversion }) => uuidandversion.uuid)).toEqual([
      uuidOf(3),
      uuidOf(2),
    ]);
  });

  it('is shown without secrets', () => {
    const config = configOf(
      [],
      [datastoreOf(1, { apiKey: 'key', password: 'word', cipherData: { cipherData: 'x' } }), datastoreOf(2)],
    );
    const app = {
      uuidandversion: { uuid: uuidOf(1) },
      volumeRefList: [{ uuid: uuidOf(1) }],
      userData: 'user-data',
      localDatastore: { args: ['-e', 'KEY=args'] },
    };
    const { apps } = readDeviceConfig([{ name: '', lists: { ...NO_LISTS, apps: [app] } }]);
    const text = JSON.stringify(withoutSecrets({ ...config, apps }));
    expect(text).not.toMatch(/"key"|"word"|"x"|user-data|KEY=args/);
    expect(text.match(/\(secret\)/g)?.length).toBe(5);
  });
});
