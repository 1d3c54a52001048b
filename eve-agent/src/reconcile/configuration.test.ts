import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createConfiguration, withoutSecrets } from './configuration.ts';
import { lostFallbacks, planDesired } from './desired.ts';
import { createJsonFile } from './json-file.ts';
import { configOf, datastoreIdOf, datastoreOf, treeOf } from './test-fixtures.ts';

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
  const bad = [{ name: '', document: { contentInfo: [{}] } }];

  it('stays when a bad one comes, which is reported', () => {
    const { applied, configuration } = create();
    expect(configuration.status().state).toBe('none');
    configuration.offer(good, 'file');
    expect(configuration.offer(bad, 'file').isValid).toBe(false);
    expect(applied).toEqual([1]);
    expect(configuration.status()).toMatchObject({ state: 'refused', contentTrees: 1, source: 'file' });
    expect(configuration.status().problems.map(({ path }) => path)).toContain('contentInfo[0].uuid');
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
    await writeFile(join(folder, 'last.json'), JSON.stringify({ contentInfo: [{}] }));
    const { applied, configuration, lines } = create();
    configuration.restore();
    expect([applied, configuration.status().state]).toEqual([[], 'none']);
    expect(JSON.stringify(lines)).toContain('contentInfo[0].uuid');
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

  it('is shown without secrets', () => {
    const config = configOf(
      [],
      [datastoreOf(1, { apiKey: 'key', password: 'word', cipherData: { cipherData: 'x' } }), datastoreOf(2)],
    );
    const text = JSON.stringify(withoutSecrets(config));
    expect(text).not.toMatch(/"key"|"word"|"x"/);
    expect(text.match(/\(secret\)/g)?.length).toBe(3);
  });
});
