// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { expect, it } from 'vitest';
import type { FileVersion } from '../content/file-version.ts';
import type { ArchiveView } from '../formats/container/archive-view.ts';
import { type ContainerImage, createArchives } from './archives.ts';
import type { ArchiveVerdict, VerdictFiles } from './verdict-files.ts';

const VERSION: FileVersion = { sizeBytes: 1, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n };
const digest = (character: string) => ({ algorithm: 'sha256', hex: character.repeat(64) }) as const;

const image = (path: string, character: string): ContainerImage => ({
  ...{ path, version: VERSION },
  sha256: character.repeat(64),
});
const viewOf = (character: string, ...names: string[]): ArchiveVerdict => ({
  kind: 'view',
  view: {
    form: 'docker-archive',
    images: [{ names, digest: digest(character) }],
    manifests: [{ digest: digest(character), mediaType: 'm', bytes: Buffer.from(character) }],
    blobs: [],
  } satisfies ArchiveView,
});

interface MemoryFiles extends VerdictFiles {
  readonly saved: Map<string, ArchiveVerdict>;
  /** How often they were gone through. */
  cleanings: number;
}

function memoryFiles(): MemoryFiles {
  const saved = new Map<string, ArchiveVerdict>();
  const files: MemoryFiles = {
    ...{ saved, cleanings: 0 },
    load: async (sha256) => saved.get(sha256),
    save: async (sha256, verdict) => void saved.set(sha256, verdict),
    keepOnly: async (sha256s) => {
      files.cleanings += 1;
      for (const sha256 of [...saved.keys()]) if (!sha256s.has(sha256)) saved.delete(sha256);
    },
  };
  return files;
}

type Read = () => Promise<ArchiveVerdict | undefined>;

/** Follows archives in rounds: each ends when all has been looked at. */
function createScene(files = memoryFiles()) {
  const containers: ContainerImage[] = [];
  const reads = new Map<string, Read>();
  const said: string[] = [];
  const say = (_details: object, message: string) => void said.push(message);
  let [revision, nowMs, readCount] = [0, 0, 0];
  let round = Promise.withResolvers<void>();
  let go = Promise.withResolvers<void>();
  const archives = createArchives({
    log: { ...silentLog, error: say },
    containers: () => containers,
    revision: () => revision,
    read(path) {
      readCount += 1;
      return reads.get(path)?.() ?? Promise.reject(new Error(`nothing at ${path}`));
    },
    files,
    now: () => nowMs,
    wait: async () => {
      round.resolve();
      await go.promise;
    },
  });
  const ending = new AbortController();
  const following = archives.follow(ending.signal);
  async function next(passedMs: number, changes: number): Promise<void> {
    await round.promise;
    round = Promise.withResolvers();
    revision += changes;
    nowMs += passedMs;
    const goOn = go;
    go = Promise.withResolvers();
    goOn.resolve();
    await round.promise;
  }
  return {
    ...{ archives, containers, reads, said },
    readCount: () => readCount,
    names: () =>
      Object.fromEntries([...archives.repositories()].map(([name, { image: of }]) => [name, of.path])),
    change: (passedMs = 0) => next(passedMs, 1),
    /** Nothing changes, and time passes. */
    pass: (passedMs: number) => next(passedMs, 0),
    async end() {
      ending.abort();
      go.resolve();
      await following;
    },
  };
}

it('shows archives as they come and go', async () => {
  const scene = createScene();
  scene.containers.push(image('b.tar', 'b'), image('a.tar', 'a'));
  scene.reads.set('a.tar', async () => viewOf('a', 'lab/app:1'));
  scene.reads.set('b.tar', async () => viewOf('b'));
  await scene.change();
  expect(scene.names()).toEqual({ 'archives/a': 'a.tar', 'archives/b': 'b.tar' });
  expect([...(scene.archives.repositories().get('archives/a')?.tags ?? [])]).toEqual([['1', digest('a')]]);
  scene.containers.shift();
  await scene.change();
  expect(scene.names()).toEqual({ 'archives/a': 'a.tar' });
  expect(scene.readCount()).toBe(2);
  await scene.end();
});

it('reads an archive once, under whatever name it stands, and over restarts', async () => {
  const files = memoryFiles();
  const scene = createScene(files);
  scene.containers.push(image('a.tar', 'a'));
  scene.reads.set('a.tar', async () => viewOf('a'));
  await scene.change();
  scene.containers[0] = image('moved/a.tar', 'a');
  await scene.change();
  expect(scene.names()).toEqual({ 'archives/moved/a': 'moved/a.tar' });
  await scene.end();
  const restarted = createScene(files);
  restarted.containers.push(image('a.tar', 'a'));
  await restarted.change();
  expect(restarted.names()).toEqual({ 'archives/a': 'a.tar' });
  expect([scene.readCount(), restarted.readCount()]).toEqual([1, 0]);
  await restarted.end();
});

it('says why an archive is no repository, and forgets it with the archive', async () => {
  const scene = createScene();
  scene.containers.push(
    image('App.tar', 'b'),
    image('app.tar', 'a'),
    image('c.tar', 'c'),
    image('日.tar', 'd'),
  );
  scene.reads.set('App.tar', async () => viewOf('b'));
  scene.reads.set('app.tar', async () => viewOf('a'));
  scene.reads.set('c.tar', async () => ({ kind: 'none', reason: 'It is damaged.' }));
  scene.reads.set('日.tar', async () => viewOf('d'));
  await scene.change();
  expect(scene.names()).toEqual({ 'archives/app': 'App.tar' });
  expect(Object.fromEntries(scene.archives.problems())).toEqual({
    'app.tar': 'Its name as a repository, archives/app, is that of /App.tar: rename one of them.',
    'c.tar': 'It is damaged.',
    '日.tar': expect.stringContaining('Latin letter'),
  });
  scene.containers.shift();
  await scene.change();
  expect(scene.names()).toEqual({ 'archives/app': 'app.tar' });
  await scene.end();
});

it('goes on with the others where one cannot be read, and reads it again later', async () => {
  const scene = createScene();
  scene.containers.push(image('a.tar', 'a'), image('b.tar', 'b'));
  scene.reads.set('b.tar', async () => viewOf('b'));
  await scene.change();
  expect(scene.names()).toEqual({ 'archives/b': 'b.tar' });
  expect(scene.said).toContain('an archive could not be read');
  scene.reads.set('a.tar', async () => viewOf('a'));
  await scene.change();
  expect(scene.names()).toEqual({ 'archives/b': 'b.tar' });
  await scene.change(60_000);
  expect(scene.names()).toEqual({ 'archives/a': 'a.tar', 'archives/b': 'b.tar' });
  await scene.end();
});

it('leaves everything alone until the archive that waits is due, and where all is known', async () => {
  const files = memoryFiles();
  const scene = createScene(files);
  scene.containers.push(image('a.tar', 'a'));
  await scene.change();
  const looked = () => [files.cleanings, scene.readCount()];
  const before = looked();
  for (let second = 1; second < 60; second += 1) await scene.pass(1000);
  expect(looked()).toEqual(before);
  // The same is read well under another name: nothing waits any more.
  scene.containers.push(image('b.tar', 'a'));
  scene.reads.set('b.tar', async () => viewOf('a'));
  await scene.change();
  const after = looked();
  for (let minute = 0; minute < 3; minute += 1) await scene.pass(60_000);
  expect(looked()).toEqual(after);
  await scene.end();
});

it('looks again later where what it remembers cannot be gone through', async () => {
  const files = memoryFiles();
  const { keepOnly } = files;
  files.keepOnly = async () => Promise.reject(new Error('no'));
  const scene = createScene(files);
  scene.containers.push(image('a.tar', 'a'));
  scene.reads.set('a.tar', async () => viewOf('a'));
  await scene.change();
  const said = scene.said.length;
  await scene.pass(1000);
  expect([scene.names(), scene.said.length]).toEqual([{ 'archives/a': 'a.tar' }, said]);
  files.keepOnly = keepOnly;
  await scene.pass(60_000);
  expect(files.cleanings).toBe(1);
  await scene.end();
});

it('waits for the catalogue where another file is there meanwhile', async () => {
  const scene = createScene();
  scene.containers.push(image('a.tar', 'a'));
  scene.reads.set('a.tar', async () => undefined);
  await scene.change();
  expect(scene.names()).toEqual({});
  scene.containers[0] = image('a.tar', 'b');
  scene.reads.set('a.tar', async () => viewOf('b'));
  await scene.change();
  expect(scene.names()).toEqual({ 'archives/a': 'a.tar' });
  await scene.end();
});

it('remembers while a volume is away', async () => {
  const files = memoryFiles();
  const scene = createScene(files);
  scene.containers.push(image('a.tar', 'a'));
  scene.reads.set('a.tar', async () => viewOf('a'));
  await scene.change();
  scene.containers.length = 0;
  await scene.change();
  expect(files.saved.size).toBe(1);
  await scene.end();
});
