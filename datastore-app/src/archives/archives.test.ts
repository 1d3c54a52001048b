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

function memoryFiles(): VerdictFiles & { readonly saved: Map<string, ArchiveVerdict> } {
  const saved = new Map<string, ArchiveVerdict>();
  return {
    saved,
    load: async (sha256) => saved.get(sha256),
    save: async (sha256, verdict) => void saved.set(sha256, verdict),
    keepOnly: async (sha256s) => {
      for (const sha256 of [...saved.keys()]) if (!sha256s.has(sha256)) saved.delete(sha256);
    },
  };
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
  return {
    ...{ archives, containers, reads, said },
    readCount: () => readCount,
    names: () =>
      Object.fromEntries([...archives.repositories()].map(([name, { image: of }]) => [name, of.path])),
    async change(passedMs = 0) {
      await round.promise;
      round = Promise.withResolvers();
      revision += 1;
      nowMs += passedMs;
      const goOn = go;
      go = Promise.withResolvers();
      goOn.resolve();
      await round.promise;
    },
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
