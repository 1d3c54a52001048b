// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { appendFile, link, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createHasher } from '../content/hasher.ts';
import { ownParser } from '../parsing/run-task.ts';
import { type Catalogue, type CatalogueDeps, createCatalogue, imageFilesBelow } from './catalogue.ts';
import { loadImageIndex } from './image-index.ts';
import { createRootWatch, type RootWatchDeps } from './root-watch.ts';

/** What the catalogue finds of changes while the kernel tells of them, and when it looks at everything. */

const LONG_AGO = new Date('2026-02-03T04:05:06Z');
const sha256Of = (content: string) => createHash('sha256').update(content).digest('hex');
const A = sha256Of('a');
const B = sha256Of('b');

let folder: string;
let root: string;
/** How often everything was looked at. */
let scans: number;
let stop: () => Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'root-looks-'));
  root = join(folder, 'root');
  await mkdir(root);
  await mkdir(join(folder, 'state'));
  scans = 0;
  stop = async () => {};
});

afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true });
});

/** Writes a file that looks as if it had been there for long. */
async function put(file: string, content: string): Promise<void> {
  const temporary = join(folder, 'temporary');
  await writeFile(temporary, content);
  await utimes(temporary, LONG_AGO, LONG_AGO);
  await mkdir(dirname(file), { recursive: true });
  await rename(temporary, file);
}

/** A clock by which the first look took so long that everything is not looked at again for ten minutes. */
function clockAfterLongLook(): () => number {
  let calls = 0;
  return () => {
    calls += 1;
    return Math.min(calls, 3) * 600_000 + Math.min(calls * 2, 500_000);
  };
}

async function start(
  overrides: Partial<CatalogueDeps> = {},
  watching: Partial<RootWatchDeps> & { readonly maxTogether?: number; readonly maxDirectories?: number } = {},
): Promise<Catalogue> {
  const controller = new AbortController();
  const hasher = createHasher();
  const files = imageFilesBelow(root, ownParser);
  const { maxTogether, maxDirectories, ...watchDeps } = watching;
  const limits = { ...(maxTogether && { maxTogether }), ...(maxDirectories && { maxDirectories }) };
  const catalogue = createCatalogue({
    ...files,
    log: silentLog,
    hasher,
    index: await loadImageIndex(
      { log: silentLog },
      { stateDirectory: join(folder, 'state'), areInodesPermanent: true },
    ),
    async scan(signal, onDirectory) {
      scans += 1;
      return files.scan(signal, onDirectory);
    },
    watch: createRootWatch(
      { log: silentLog, isTelling: async () => true, ...watchDeps },
      { root, ...limits },
    ),
    findWriters: async () => ({ of: () => 'none' }),
    areInodesPermanent: async () => true,
    elapsed: clockAfterLongLook(),
    // Not at once: threads and the kernel, which look and tell, would hardly get the only processor.
    wait: () => delay(1),
    ...overrides,
  });
  await catalogue.start(controller.signal);
  stop = async () => {
    controller.abort();
    await hasher.stop();
    await catalogue.stopped();
  };
  return catalogue;
}

const digests = (catalogue: Catalogue) =>
  Object.fromEntries(catalogue.list().map(({ path, sha256 }) => [path, sha256]));

const at = (path: string) => join(root, path);

it.each<readonly [what: string, before: () => Promise<unknown>, change: () => Promise<unknown>, object]>([
  ['a file that comes', async () => {}, () => put(at('a.img'), 'a'), { 'a.img': A }],
  ['a file that goes', () => put(at('a.img'), 'a'), () => rm(at('a.img')), {}],
  [
    'a file that takes the place of another of its size and time',
    () => put(at('a.img'), 'a'),
    () => put(at('a.img'), 'b'),
    { 'a.img': B },
  ],
  [
    'a file that is written to in place, with its time set back',
    () => put(at('a.img'), 'a'),
    async () => {
      await writeFile(at('a.img'), 'b');
      await utimes(at('a.img'), LONG_AGO, LONG_AGO);
    },
    { 'a.img': B },
  ],
  [
    'a file that is renamed',
    () => put(at('a.img'), 'a'),
    () => rename(at('a.img'), at('b.img')),
    { 'b.img': A },
  ],
  [
    'folders that are made with a file in the last of them',
    async () => {},
    () => put(at('one/two/a.img'), 'a'),
    { 'one/two/a.img': A },
  ],
  [
    'a folder that is moved in whole',
    () => put(join(folder, 'outside/two/a.img'), 'a'),
    () => rename(join(folder, 'outside'), at('one')),
    { 'one/two/a.img': A },
  ],
  [
    'a folder that is moved out',
    async () => {
      await put(at('one/two/a.img'), 'a');
      await put(at('one-b.img'), 'b');
    },
    () => rename(at('one'), join(folder, 'outside')),
    { 'one-b.img': B },
  ],
  [
    'a folder that takes the place of another',
    async () => {
      await put(at('one/a.img'), 'a');
      await put(join(folder, 'outside/b.img'), 'b');
    },
    async () => {
      await rename(at('one'), join(folder, 'old'));
      await rename(join(folder, 'outside'), at('one'));
    },
    { 'one/b.img': B },
  ],
  [
    'a folder that is renamed',
    () => put(at('one/two/a.img'), 'a'),
    () => rename(at('one'), at('three')),
    { 'three/two/a.img': A },
  ],
  [
    'a file where a folder was',
    () => put(at('one/a.img'), 'a'),
    async () => {
      await rm(at('one'), { recursive: true });
      await put(at('one'), 'b');
    },
    { one: B },
  ],
  [
    'a link',
    () => put(at('a.img'), 'a'),
    () => symlink('a.img', at('alias.img')),
    { 'a.img': A, 'alias.img': A },
  ],
  [
    'the target of a link that led nowhere',
    () => symlink('one/a.img', at('alias.img')),
    () => put(at('one/a.img'), 'a'),
    { 'one/a.img': A, 'alias.img': A },
  ],
  [
    'a link that leads elsewhere since another link does',
    async () => {
      await put(at('one/x.img'), 'a');
      await put(at('two/x.img'), 'b');
      await symlink('one', at('current'));
      await symlink('current/x.img', at('alias.img'));
    },
    async () => {
      await symlink('two', at('next'));
      await rename(at('next'), at('current'));
    },
    { 'one/x.img': A, 'two/x.img': B, 'alias.img': B, 'current/x.img': B },
  ],
  [
    'a file that is written to by a name outside',
    async () => {
      await put(at('a.img'), 'a');
      await link(at('a.img'), join(folder, 'outside'));
    },
    async () => {
      await writeFile(join(folder, 'outside'), 'b');
      await utimes(join(folder, 'outside'), LONG_AGO, LONG_AGO);
    },
    { 'a.img': B },
  ],
])('is told of %s', async (_what, before, change, expected) => {
  await before();
  const catalogue = await start();
  const hashed = () => catalogue.list().every(({ sha256 }) => sha256 !== null);
  await expect.poll(hashed).toBe(true);
  await change();
  await expect.poll(() => digests(catalogue)).toEqual(expected);
  expect(scans).toBe(1);
  // The folders that came are watched as well.
  for (const path of Object.keys(expected)) await put(join(dirname(at(path)), 'later.img'), 'later');
  const places = new Set(Object.keys(expected).map((path) => join(dirname(path), 'later.img')));
  const known = () => catalogue.list().map(({ path }) => path);
  await expect.poll(known).toEqual(expect.arrayContaining([...places]));
  expect(scans).toBe(1);
});

it('counts a file once that was given a second name', async () => {
  await put(at('a.img'), 'a');
  const catalogue = await start();
  await expect.poll(() => digests(catalogue)).toEqual({ 'a.img': A });
  await link(at('a.img'), at('b.img'));
  await expect.poll(() => digests(catalogue)).toEqual({ 'a.img': A, 'b.img': A });
  expect(catalogue.totalBytes()).toBe(1);
  expect(catalogue.totalBytes(new Set(['a.img', 'b.img']))).toBe(0);
  await rm(at('a.img'));
  await expect.poll(() => digests(catalogue)).toEqual({ 'b.img': A });
  expect(catalogue.totalBytes()).toBe(1);
});

it('looks at a file of which a reader knows better', async () => {
  await put(at('a.img'), 'a');
  let heard: ((event: string, name: string) => void) | undefined;
  const deaf = ((_path: string, _options: object, listener: typeof heard) => {
    heard = listener;
    return { close() {}, on() {} };
  }) as never;
  const catalogue = await start({}, { watch: deaf });
  await expect.poll(() => digests(catalogue)).toEqual({ 'a.img': A });
  // As through mapped memory, of which nothing is told.
  await appendFile(at('a.img'), 'a');
  const version = catalogue.verifiables()[0]?.version;
  if (version === undefined) throw new Error('it has no digest');
  expect(catalogue.digestOf('a.img', { ...version, sizeBytes: 2 })).toBeUndefined();
  await expect.poll(() => catalogue.find('a.img')?.sizeBytes).toBe(2);
  expect(heard).toBeDefined();
  expect(scans).toBe(1);
});

it('looks at everything where so much was told at once that more may be lost', async () => {
  mkdirSync(at('one'));
  const catalogue = await start({}, { maxTogether: 200 });
  // Nothing is read of what the kernel tells meanwhile.
  for (let number = 0; number < 150; number += 1) {
    writeFileSync(join(folder, 'temporary'), 'a');
    renameSync(join(folder, 'temporary'), at(`one/${number}.img`));
    rmSync(at(`one/${number}.img`));
  }
  await expect.poll(() => scans).toBeGreaterThan(1);
  expect(catalogue.list()).toEqual([]);
});

it('finds everything where the kernel itself had to drop what it had to tell', async () => {
  for (const name of ['a.img', 'b.img']) writeFileSync(at(name), '');
  const catalogue = await start();
  const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  const files = ['a.img', 'b.img'].map((name) => openSync(at(name), 'a'));
  // Of one file alone it would tell once.
  for (let number = 0; number <= limit; number += 1) writeSync(files[number % 2] ?? -1, 'x');
  // It is this of which nothing is told any more.
  writeFileSync(at('last.img'), 'a');
  for (const file of files) closeSync(file);
  await expect.poll(() => catalogue.find('last.img')).toBeDefined();
  expect(scans).toBeGreaterThan(1);
});

it('watches the folder that takes the place of the root, and the old one no longer', async () => {
  await put(at('a.img'), 'a');
  const catalogue = await start();
  await expect.poll(() => digests(catalogue)).toEqual({ 'a.img': A });
  await put(join(folder, 'next/b.img'), 'b');
  await rename(root, join(folder, 'old'));
  await rename(join(folder, 'next'), root);
  await expect.poll(() => digests(catalogue)).toEqual({ 'b.img': B });
  await put(join(folder, 'old/c.img'), 'c');
  await put(at('d/a.img'), 'a');
  await expect.poll(() => digests(catalogue)).toEqual({ 'b.img': B, 'd/a.img': A });
});

it('looks at everything when something is mounted below the root', async () => {
  let identity = 'no mount';
  await start({ identity: async () => identity });
  expect(scans).toBe(1);
  identity = 'a mount';
  await expect.poll(() => scans).toBeGreaterThan(1);
});

const refusing = (code: string) =>
  (() => {
    throw Object.assign(new Error(code), { code });
  }) as never;

it.each([
  ['does not tell', { isTelling: async () => false }],
  ['has no watches left', { watch: refusing('ENOSPC') }],
  ['has no handles left', { watch: refusing('EMFILE') }],
  ['has more folders than are watched', { maxDirectories: 1 }],
])('looks at everything, again and again, where the system %s', async (_what, watching) => {
  let elapsedMs = 0;
  await mkdir(at('one'));
  // A minute passes from look to look.
  const catalogue = await start({ elapsed: () => (elapsedMs += 60_000) }, watching);
  await put(at('one/a.img'), 'a');
  await expect.poll(() => digests(catalogue)).toEqual({ 'one/a.img': A });
  const before = scans;
  await expect.poll(() => scans).toBeGreaterThan(before + 3);
});

it('looks at everything now and then although the kernel tells, for it does not of all', async () => {
  let elapsedMs = 0;
  await start({ elapsed: () => (elapsedMs += 60_000) });
  await expect.poll(() => scans).toBeGreaterThan(3);
});

it('goes on with all of the root after it could not be looked at', async () => {
  await put(at('a.img'), 'a');
  const files = imageFilesBelow(root, ownParser);
  let isBroken = false;
  const catalogue = await start({
    async scanPaths(...looked) {
      if (isBroken) throw new Error('EIO: i/o error');
      return files.scanPaths(...looked);
    },
  });
  await expect.poll(() => digests(catalogue)).toEqual({ 'a.img': A });
  isBroken = true;
  await put(at('b.img'), 'b');
  await expect.poll(() => scans).toBeGreaterThan(1);
  isBroken = false;
  await expect.poll(() => digests(catalogue)).toEqual({ 'a.img': A, 'b.img': B });
  expect(catalogue.trouble()).toBeUndefined();
});
