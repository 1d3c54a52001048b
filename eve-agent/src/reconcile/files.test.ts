import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createManualClock } from '../discovery/manual-clock.ts';
import { type ConfigReading, readConfigFiles, watchConfigFiles } from './config-files.ts';
import { createConfiguration, withoutSecrets } from './configuration.ts';
import { type ContentStore, createContentStore } from './content-store.ts';
import { lostFallbacks, planDesired } from './desired.ts';
import { hashFile } from './hash-file.ts';
import { createJsonFile } from './json-file.ts';
import { createStatusFiles } from './status-files.ts';
import { configOf, datastoreIdOf, datastoreOf, sha256Of, treeOf } from './test-fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reconcile-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});
const A = sha256Of('a');

/** A log, and the fields and text of each line of it. */
function keepLog() {
  const lines: unknown[][] = [];
  const keep = (...line: unknown[]) => void lines.push(line);
  return { log: { ...silentLog, warn: keep, error: keep }, lines };
}

describe('the content store', () => {
  let store: ContentStore;
  beforeEach(async () => {
    store = createContentStore(folder, join(folder, 'images'));
    await store.open();
  });

  it('moves a file from pending to verified, read-only, and names it by hard links', async () => {
    await writeFile(store.pendingPath(A), 'a');
    expect(await store.promote(A)).toEqual({ sizeBytes: 1 });
    await Promise.all(['one', 'two'].map((name) => store.link(name, A)));
    const facts = await stat(store.verifiedPath(A));
    expect([facts.mode & 0o777, facts.nlink]).toEqual([0o444, 3]);
    expect((await readdir(join(folder, 'images'))).sort()).toEqual(['one', 'two']);
    expect(await readdir(join(folder, 'pending'))).toEqual([]);
    await store.link('one', A);
    expect((await stat(store.linkPath('one'))).ino).toBe(facts.ino);
    expect((await readdir(join(folder, 'images'))).length).toBe(2);
  });

  it('says what an earlier run left, and removes what it did not finish', async () => {
    const [b, c] = [sha256Of('b'), sha256Of('c')];
    await writeFile(store.verifiedPath(A), 'a');
    await store.link('named', A);
    await writeFile(store.pendingPath(b), 'bb');
    await writeFile(join(folder, 'pending', `.${c}.partial`), 'ccc');
    await writeFile(join(folder, 'images', `.${A}.link`), '');
    await writeFile(join(folder, 'images', 'foreign'), 'x'.repeat(50));
    await writeFile(join(folder, 'verified', 'junk'), '');
    expect(await store.open()).toEqual({
      verified: [{ sha256: A, sizeBytes: 1 }],
      whole: [{ sha256: b, sizeBytes: 2 }],
      partial: [{ sha256: c, sizeBytes: 3 }],
      links: new Map([['named', A]]),
    });
    expect((await readdir(join(folder, 'images'))).sort()).toEqual(['foreign', 'named']);
    for (const sha256 of [A, b, c]) await store.remove(sha256);
    expect(await readdir(join(folder, 'pending'))).toEqual([]);
    expect(await readFile(store.linkPath('named'), 'utf8')).toBe('a');
    await store.unlink('named');
    expect(store.freeBytes()).toBeGreaterThan(0);
  });

  it('hashes a file, and can be stopped', async () => {
    await writeFile(store.pendingPath(A), 'a');
    const signal = new AbortController().signal;
    expect(await hashFile(store.pendingPath(A), 1e9, signal)).toEqual({ sha256: A, sizeBytes: 1 });
    await expect(hashFile(store.pendingPath(A), 1e9, AbortSignal.abort())).rejects.toThrow();
  });
});

describe('status files', () => {
  it('are written later where the disk does not take them', async () => {
    const files = createStatusFiles(folder);
    expect(files.write('a', { State: 'INITIAL' })).toBe(true);
    // In the way of the next document.
    await mkdir(join(folder, '.a.new'));
    expect(files.write('a', { State: 'VERIFIED' })).toBe(true);
    expect(files.write('a', { State: 'VERIFIED' })).toBe(false);
    expect(files.flush()).toMatchObject({ code: 'EISDIR' });
    await rm(join(folder, '.a.new'), { recursive: true });
    expect(files.flush()).toBeNull();
    expect(JSON.parse(await readFile(join(folder, 'a.json'), 'utf8'))).toEqual({ State: 'VERIFIED' });
  });

  it('come back where their folder was removed, and share it with other folders', async () => {
    const place = join(folder, 'status');
    const files = createStatusFiles(place);
    files.write('a', {});
    await rm(place, { recursive: true });
    files.keepOnly(new Set(['a', 'b']));
    files.write('b', {});
    expect(files.flush()).toBeNull();
    expect(await readdir(place)).toEqual(['a.json', 'b.json']);
    await mkdir(join(place, 'lost+found'));
    files.keepOnly(new Set());
    expect(await readdir(place)).toEqual(['lost+found']);
  });

  it('are left as they are where an earlier run wrote the same', async () => {
    createStatusFiles(folder).write('a', { x: 1 });
    const { ino } = await stat(join(folder, 'a.json'));
    const files = createStatusFiles(folder);
    expect(files.write('a', { x: 1 })).toBe(true);
    expect((await stat(join(folder, 'a.json'))).ino).toBe(ino);
    files.write('a', { x: 2 });
    expect(JSON.parse(await readFile(join(folder, 'a.json'), 'utf8'))).toEqual({ x: 2 });
  });

  it('are written when they differ, and go with their key', async () => {
    await writeFile(join(folder, 'old.json'), '{}');
    const files = createStatusFiles(folder);
    expect([files.write('a', { x: 1 }), files.write('a', { x: 1 }), files.write('a', { x: 2 })]).toEqual([
      true,
      false,
      true,
    ]);
    files.write('b', {});
    files.keepOnly(new Set(['a']));
    expect(await readdir(folder)).toEqual(['a.json']);
    expect(JSON.parse(await readFile(join(folder, 'a.json'), 'utf8'))).toEqual({ x: 2 });
    files.remove('a');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a JSON file', () => {
  it('gives back what was written, and null for what it cannot read', async () => {
    const path = join(folder, 'deep', 'x.json');
    const { log, lines } = keepLog();
    const file = createJsonFile(path, z.object({ n: z.number() }), log, 0o600);
    expect(file.read()).toBeNull();
    expect(lines).toEqual([]);
    file.write({ n: 1 });
    expect([file.read(), (await stat(path)).mode & 0o777]).toEqual([{ n: 1 }, 0o600]);
    for (const [text, reason] of [
      ['{"password":"hunter2', 'it is not JSON'],
      ['{"n":"hunter2"}', 'it is not of the form that is written there'],
    ] as const) {
      await writeFile(path, text);
      expect(file.read()).toBeNull();
      expect(lines.pop()).toMatchObject([{ file: path, reason }, expect.stringContaining('left out')]);
    }
  });
});

describe('the files of a configuration', () => {
  it('are one, or those of a folder in the order of their names', async () => {
    const file = join(folder, 'one.json');
    await writeFile(file, '{"a":1}');
    expect(await readConfigFiles(file)).toEqual({
      kind: 'fragments',
      fragments: [{ name: '', document: { a: 1 } }],
    });
    await writeFile(join(folder, '00.json'), '{}');
    await writeFile(join(folder, '.hidden.json'), 'no');
    await writeFile(join(folder, 'notes.txt'), 'no');
    const reading = await readConfigFiles(folder);
    expect(reading).toMatchObject({ fragments: [{ name: '00.json' }, { name: 'one.json' }] });
    await writeFile(join(folder, '01.json'), '{');
    expect(await readConfigFiles(folder)).toMatchObject({
      kind: 'unreadable',
      problems: [{ path: '01.json' }],
    });
    expect(await readConfigFiles(join(folder, 'none'))).toMatchObject({
      problems: [{ message: 'there is no such file or folder' }],
    });
    await mkdir(join(folder, 'empty'));
    await writeFile(join(folder, 'empty', 'README'), 'not a fragment');
    expect(await readConfigFiles(join(folder, 'empty'))).toEqual({ kind: 'none' });
  });

  it.each([
    [`{\n "datastores": [{\n  "password": hunter2 }] }`, `c.json: not JSON: Unexpected token 'h' in line 3`],
    ['hunter2', `c.json: not JSON: Unexpected token 'h' in line 1`],
    ['{"password":"hunter2', 'c.json: Unterminated string in JSON at position 20'],
  ])('are refused without a word of what they hold: %j', async (text, why) => {
    await writeFile(join(folder, 'c.json'), text);
    const reading = await readConfigFiles(folder);
    if (reading.kind !== 'unreadable') throw new Error(reading.kind);
    const [problem] = reading.problems;
    expect(`${problem?.path}: ${problem?.message}`).toContain(why);
    expect(problem?.message).not.toContain('unter2');
  });

  it('are files, and nothing that reading could wait for', async () => {
    execFileSync('mkfifo', [join(folder, 'c.json')]);
    expect(await readConfigFiles(folder)).toEqual({
      kind: 'unreadable',
      problems: [{ path: 'c.json', message: 'it is no file' }],
    });
  });

  it('are read again when they change, and half a file only when it stays one', async () => {
    const file = join(folder, 'c.json');
    const readings: ConfigReading[] = [];
    const clock = createManualClock();
    const stop = new AbortController();
    const watching = watchConfigFiles(file, clock, (reading) => readings.push(reading), stop.signal);
    /** Lets the watcher look once more. */
    const look = async () => {
      await expect.poll(() => clock.pendingTimers()).toBe(1);
      clock.advance(1000);
      await expect.poll(() => clock.pendingTimers()).toBe(1);
    };
    await look();
    expect(readings.map(({ kind }) => kind)).toEqual(['unreadable']);
    await writeFile(`${file}.new`, '{"v":1}');
    await rename(`${file}.new`, file);
    await look();
    await look();
    expect(readings.slice(1)).toEqual([{ kind: 'fragments', fragments: [{ name: '', document: { v: 1 } }] }]);
    await writeFile(file, '{"v":');
    await look();
    expect(readings.length).toBe(2);
    await writeFile(file, '{"v":22}');
    await look();
    expect(readings[2]).toMatchObject({ fragments: [{ document: { v: 22 } }] });
    await writeFile(file, '{"v":');
    await look();
    await look();
    expect(readings[3]).toMatchObject({ kind: 'unreadable' });
    stop.abort();
    await watching;
  });
});

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

it('keeps folders that are there already', async () => {
  await mkdir(join(folder, 'verified'));
  await expect(createContentStore(folder, join(folder, 'images')).open()).resolves.toMatchObject({
    verified: [],
  });
});
