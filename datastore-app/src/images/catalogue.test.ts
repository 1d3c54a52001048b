// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { versionOf } from '../content/file-version.ts';
import { createHasher, type Hasher, type HashOutcome } from '../content/hasher.ts';
import { ownParser } from '../parsing/run-task.ts';
import { type Catalogue, type CatalogueDeps, createCatalogue, imageFilesBelow } from './catalogue.ts';
import { loadImageIndex } from './image-index.ts';
import { createRootWatch } from './root-watch.ts';
import { scanImages } from './scan.ts';

const LONG_AGO = new Date('2026-02-03T04:05:06Z');
/** How long what must come about may take on a busy machine. */
const poll = <T>(read: () => T) => expect.poll(read);
const sha256Of = (content: string) => createHash('sha256').update(content).digest('hex');

let folder: string;
let root: string;
let state: string;
let stops: (() => Promise<void>)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catalogue-'));
  root = join(folder, 'root');
  state = join(folder, 'state');
  await mkdir(root);
  await mkdir(state);
  stops = [];
});

afterEach(async () => {
  for (const stop of stops) await stop();
  await rm(folder, { recursive: true });
});

/** Writes a file that looks as if it had been there for long. */
async function put(path: string, content: string): Promise<void> {
  const temporary = join(folder, 'temporary');
  await writeFile(temporary, content);
  await utimes(temporary, LONG_AGO, LONG_AGO);
  await rename(temporary, join(root, path));
}

/** Counts the files it hashes; a file called `slow…` is finished only when told so. */
function createObservedHasher() {
  const hasher = createHasher();
  const hashed: string[] = [];
  let finishSlow = () => {};
  const slow = new Promise<void>((resolve) => {
    finishSlow = resolve;
  });
  const observed: Hasher = {
    ...hasher,
    async hash(file, version, options): Promise<HashOutcome> {
      const name = file.slice(root.length + 1);
      hashed.push(name);
      if (name.startsWith('slow')) {
        options?.onProgress?.(1);
        await slow;
      }
      return hasher.hash(file, version, options);
    },
  };
  return { hasher: observed, hashed, finishSlow: () => finishSlow() };
}

async function start(
  hasher: Hasher,
  overrides: Partial<CatalogueDeps> = {},
): Promise<{ catalogue: Catalogue; stop(): Promise<void> }> {
  const controller = new AbortController();
  let elapsedMs = 0;
  const catalogue = createCatalogue({
    log: silentLog,
    hasher,
    index: await loadImageIndex({ log: silentLog }, { stateDirectory: state, areInodesPermanent: true }),
    ...imageFilesBelow(root, ownParser),
    // Nothing tells of changes: all of the root is looked at each time.
    watch: createRootWatch({ log: silentLog, isTelling: async () => false }, { root }),
    findWriters: async () => ({ of: () => 'none' }),
    areInodesPermanent: async () => true,
    // Soon, while minutes pass; not at once, or nothing else would get the processor.
    elapsed: () => {
      elapsedMs += 60_000;
      return elapsedMs;
    },
    wait: () => delay(1),
    ...overrides,
  });
  await catalogue.start(controller.signal);
  const stop = async () => {
    controller.abort();
    await hasher.stop();
    await catalogue.stopped();
  };
  stops.push(stop);
  return { catalogue, stop };
}

const digests = (catalogue: Catalogue) => catalogue.list().map(({ path, sha256 }) => [path, sha256]);

it('lists at once, then hashes, what may be seen', async () => {
  await mkdir(join(root, 'sub'));
  await mkdir(join(root, 'lost+found'));
  await put('b.img', 'second');
  await put('sub/a.img', 'first');
  await put('.hidden', 'hidden');
  await put('lost+found/x', 'lost');
  await symlink('b.img', join(root, 'alias.img'));
  await symlink('.hidden', join(root, 'to-hidden.img'));
  await symlink('/etc/hostname', join(root, 'out.img'));
  await symlink('sub', join(root, 'folder'));
  await symlink('absent', join(root, 'nowhere.img'));
  const { hasher, hashed } = createObservedHasher();
  const { catalogue } = await start(hasher);
  expect(catalogue.list().map(({ path }) => path)).toEqual([
    ...['alias.img', 'b.img', 'folder/a.img', 'sub/a.img'],
  ]);
  await poll(() => catalogue.find('sub/a.img')).toEqual({
    path: 'sub/a.img',
    sizeBytes: 5,
    sha256: sha256Of('first'),
    state: 'ready',
    isGrowing: false,
    hashedBytes: 5,
    verifiedAt: expect.any(String),
    format: 'raw',
    content: 'text',
    virtualSizeBytes: null,
    problems: [expect.objectContaining({ code: 'NOT_AN_IMAGE' })],
    modified: '2026-02-03T04:05:06.000Z',
  });
  await poll(() => catalogue.find('alias.img')).toMatchObject({
    sha256: sha256Of('second'),
    linkTo: 'b.img',
  });
  expect(catalogue.totalBytes()).toBe(11);
  // Small ones first, and none twice.
  await poll(() => hashed).toEqual(['sub/a.img', 'b.img']);
});

it('remembers over a restart, and hashes again only what changed', async () => {
  await put('a.img', 'same');
  await put('b.img', 'old');
  const first = await start(createObservedHasher().hasher);
  await poll(() => digests(first.catalogue)).toEqual([
    ['a.img', sha256Of('same')],
    ['b.img', sha256Of('old')],
  ]);
  await first.stop();
  await put('b.img', 'new content');
  const { hasher, hashed } = createObservedHasher();
  const { catalogue } = await start(hasher);
  expect(catalogue.find('a.img')?.sha256).toBe(sha256Of('same'));
  await poll(() => catalogue.find('b.img')?.sha256).toBe(sha256Of('new content'));
  expect(hashed).toEqual(['b.img']);
});

it('follows files that come, are replaced with the same size and time, and go', async () => {
  const { catalogue } = await start(createObservedHasher().hasher);
  expect(catalogue.list()).toEqual([]);
  await put('a.img', 'one');
  await poll(() => digests(catalogue)).toEqual([['a.img', sha256Of('one')]]);
  await put('a.img', 'two');
  await poll(() => digests(catalogue)).toEqual([['a.img', sha256Of('two')]]);
  await rm(join(root, 'a.img'));
  await poll(() => digests(catalogue)).toEqual([]);
});

it('knows the images of a volume again that was taken away and mounted anew', async () => {
  await put('a.img', 'content');
  const { hasher, hashed } = createObservedHasher();
  let isMounted = true;
  const { catalogue } = await start(hasher, {
    // What is left is the folder where it was mounted.
    scan: async (signal) => {
      const scan = await scanImages(root, 100, signal);
      const isOld = ({ path }: { path: string }) => path === 'a.img';
      return isMounted ? scan : { ...scan, device: 0n, files: scan.files.filter((file) => !isOld(file)) };
    },
  });
  await poll(() => digests(catalogue)).toEqual([['a.img', sha256Of('content')]]);
  isMounted = false;
  await poll(() => catalogue.list()).toEqual([]);
  // With this the index is written.
  await put('b.img', 'other');
  await poll(() => digests(catalogue)).toEqual([['b.img', sha256Of('other')]]);
  isMounted = true;
  await poll(() => catalogue.find('a.img')?.sha256).toBe(sha256Of('content'));
  expect(hashed).toEqual(['a.img', 'b.img']);
});

it('takes no content for another that has its size, time and inode', async () => {
  const { catalogue } = await start(createObservedHasher().hasher);
  await put('a.img', 'one');
  await poll(() => digests(catalogue)).toEqual([['a.img', sha256Of('one')]]);
  await writeFile(join(root, 'a.img'), 'two');
  await utimes(join(root, 'a.img'), LONG_AGO, LONG_AGO);
  await poll(() => digests(catalogue)).toEqual([['a.img', sha256Of('two')]]);
});

it('does not hash what somebody has open, and says so, however long it is left alone', async () => {
  await put('slow.img', 'half');
  await put('whole.img', 'whole');
  const slow = versionOf(await stat(join(root, 'slow.img'), { bigint: true }));
  let isOpen = true;
  let elapsedMs = 0;
  const { hasher, finishSlow } = createObservedHasher();
  const { catalogue } = await start(hasher, {
    findWriters: async () => ({ of: ({ inode }) => (isOpen && inode === slow.inode ? 'open' : 'none') }),
    // An hour passes from look to look.
    elapsed: () => {
      elapsedMs += 3_600_000;
      return elapsedMs;
    },
  });
  await poll(() => catalogue.find('whole.img')?.state).toBe('ready');
  expect(catalogue.find('slow.img')).toMatchObject({ sha256: null, state: 'hashing', isGrowing: true });
  finishSlow();
  isOpen = false;
  await poll(() => catalogue.find('slow.img')?.state).toBe('ready');
  expect(catalogue.find('slow.img')?.isGrowing).toBe(false);
});

it('does not judge of files as long as it was not looked who writes to them', async () => {
  await put('a.img', 'content');
  let looks = 0;
  const { catalogue } = await start(createObservedHasher().hasher, {
    findWriters: async () => {
      looks += 1;
      return looks < 5 ? undefined : { of: () => 'none' };
    },
  });
  await poll(() => catalogue.find('a.img')?.state).toBe('ready');
  expect(looks).toBe(5);
});

it('goes on looking while a file is being hashed', async () => {
  await put('slow.img', 'slow');
  const { hasher, finishSlow } = createObservedHasher();
  const { catalogue } = await start(hasher);
  await poll(() => catalogue.find('slow.img')?.hashedBytes).toBe(1);
  await put('late.img', 'late');
  await poll(() => digests(catalogue)).toEqual([
    ['late.img', null],
    ['slow.img', null],
  ]);
  finishSlow();
  await poll(() => digests(catalogue)).toEqual([
    ['late.img', sha256Of('late')],
    ['slow.img', sha256Of('slow')],
  ]);
});

it('never gives the digest of a file that was replaced while it was hashed', async () => {
  await put('slow.img', 'old');
  const { hasher, finishSlow } = createObservedHasher();
  const { catalogue } = await start(hasher);
  await poll(() => catalogue.find('slow.img')?.hashedBytes).toBe(1);
  await put('slow.img', 'new');
  finishSlow();
  await poll(() => digests(catalogue)).toEqual([['slow.img', sha256Of('new')]]);
});

it('stops in the middle of a hash', async () => {
  await put('slow.img', 'slow');
  const { hasher, finishSlow } = createObservedHasher();
  const { catalogue, stop } = await start(hasher);
  await poll(() => catalogue.find('slow.img')?.hashedBytes).toBe(1);
  const stopped = stop();
  finishSlow();
  await stopped;
  expect(catalogue.find('slow.img')?.sha256).toBeNull();
});

it('takes over at once what was published, without hashing it', async () => {
  const { hasher, hashed } = createObservedHasher();
  const { catalogue } = await start(hasher, {
    wait: (_ms, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  });
  await put('a.img', 'content');
  const version = versionOf(await stat(join(root, 'a.img'), { bigint: true }));
  await catalogue.notePublished([{ path: 'a.img', version, sha256: sha256Of('content') }]);
  expect(digests(catalogue)).toEqual([['a.img', sha256Of('content')]]);
  expect(catalogue.totalBytes()).toBe(7);
  const index = await loadImageIndex({ log: silentLog }, { stateDirectory: state, areInodesPermanent: true });
  expect(index.digestOf('a.img', version)).toBe(sha256Of('content'));
  await rm(join(root, 'a.img'));
  await catalogue.noteRemoved('a.img');
  expect(catalogue.list()).toEqual([]);
  expect(hashed).toEqual([]);
});

it('tries again, later and later, to hash what it could not', async () => {
  await put('a.img', 'content');
  let nowMs = Date.now();
  const tries: number[] = [];
  const failing: Hasher = {
    async hash() {
      tries.push(nowMs);
      return { kind: 'failed', reason: 'EIO' };
    },
    stop: async () => {},
  };
  await start(failing, {
    now: () => nowMs,
    // A second passes from look to look.
    wait: () => {
      nowMs += 1000;
      return new Promise((resolve) => setImmediate(resolve));
    },
  });
  await poll(() => tries.length).toBeGreaterThan(4);
  const waits = tries.slice(1).map((each, position) => each - (tries[position] ?? 0));
  for (const [position, wantedMs] of [10_000, 20_000, 40_000].entries()) {
    expect(waits[position]).toBeGreaterThanOrEqual(wantedMs);
  }
});

it('says why images cannot be listed, and recovers', async () => {
  await put('a.img', 'content');
  let isBroken = true;
  const { catalogue } = await start(createObservedHasher().hasher, {
    scan: async (signal) => {
      if (isBroken) throw new Error('EACCES: permission denied');
      return scanImages(root, 100, signal);
    },
  });
  expect(catalogue.trouble()).toBe('the images cannot be listed: EACCES: permission denied');
  isBroken = false;
  await poll(() => catalogue.trouble()).toBeUndefined();
  expect(catalogue.find('a.img')).toBeDefined();
});
