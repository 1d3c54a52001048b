// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Digest, DigestAlgorithm } from '@local-datastore/shared/digest/digest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isSameVersion, versionOf } from '../content/file-version.ts';
import { createHasher, type Hasher } from '../content/hasher.ts';
import { createPlacer, type Placer } from '../content/placer.ts';
import { createSpace, type SpaceOptions } from '../content/space.ts';
import { incomingDirectoryOf } from '../content/staging.ts';
import { addImage } from './add-image.ts';
import { createImageStore } from './image-store.ts';

let root: string;
let outside: string;
let hasher: Hasher;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'store-')));
  outside = await realpath(await mkdtemp(join(tmpdir(), 'outside-')));
  hasher = createHasher();
});
afterEach(async () => {
  await hasher.stop();
  await rm(root, { recursive: true });
  await rm(outside, { recursive: true });
});

const UNLIMITED: SpaceOptions = { reserveBytes: 0, quotaBytes: undefined };
const digestOf = (algorithm: DigestAlgorithm, text: string): Digest => ({
  algorithm,
  hex: createHash(algorithm).update(text).digest('hex'),
});
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

function setUp({
  freeBytes = 1e12,
  usedBytes = 0,
  placer,
  caseTwinOf,
  ...limits
}: Partial<SpaceOptions> & SetUp = {}) {
  const events: string[] = [];
  const store = createImageStore(
    {
      space: createSpace(
        { freeBytes: async () => freeBytes, usedBytes: () => usedBytes },
        { ...UNLIMITED, ...limits },
      ),
      hash: hasher.hash,
      onPublished: async (images) => {
        for (const { path, version } of images) {
          // What is told must be known again at its path, though its new name moved the change time.
          const there = versionOf(await stat(join(root, path), { bigint: true }));
          events.push(
            `+${path} ${version.sizeBytes}${isSameVersion(version, there) ? '' : ' of another version'}`,
          );
        }
      },
      onRemoved: async () => void events.push('-'),
      ...(placer && { placer }),
      ...(caseTwinOf && { caseTwinOf }),
    },
    { root, owner: 'test' },
  );
  return { store, events };
}
interface SetUp {
  freeBytes?: number;
  usedBytes?: number;
  placer?: Placer;
  caseTwinOf?: (path: string) => string | undefined;
}

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

const staged = async () => (await readdir(incomingDirectoryOf(root)).catch(() => [])).length;

describe('publishing', () => {
  it('stages content, checks it, and gives it its path', async () => {
    const { store, events } = setUp();
    const content = await store.stage(pieces('abc', 'def'), {
      sizeBytes: 6,
      digests: [digestOf('sha256', 'abcdef'), digestOf('sha512', 'abcdef')],
    });
    expect(await readdir(root)).toEqual(['.incoming']);
    const published = await store.publish(content, 'debian/12/disk.img', { replace: false });
    expect(published).toEqual({
      path: 'debian/12/disk.img',
      sizeBytes: 6,
      sha256: sha256('abcdef'),
      isNew: true,
    });
    expect(await readFile(join(root, 'debian/12/disk.img'), 'utf8')).toBe('abcdef');
    expect(await staged()).toBe(0);
    expect(events).toEqual(['+debian/12/disk.img 6']);
  });

  it('keeps names apart that differ in case alone, but for those of other places', async () => {
    const { store } = setUp({ caseTwinOf: (path) => (path === 'app' ? 'App' : undefined) });
    await store.publish(await store.stage(pieces('one'), {}), 'App', { replace: false });
    const second = await store.stage(pieces('two'), {});
    const refused = { code: 'NAME_CONFLICT', details: { path: 'app', twin: 'App' } };
    await expect(store.requirePlaceable('app', { replace: true })).rejects.toMatchObject(refused);
    await expect(store.publish(second, 'app', { replace: true })).rejects.toMatchObject(refused);
    await expect(
      store.publishTogether([{ path: 'app', staged: second }], { replace: true }),
    ).rejects.toMatchObject(refused);
    expect(await store.rename('App', 'app')).toBe(true);
    expect(await store.rename('app', 'App')).toBe(true);
    await store.requirePlaceable('app', { replace: true, isForeignName: true });
    await store.publish(second, 'app', { replace: true, isForeignName: true });
    expect([await readFile(join(root, 'App'), 'utf8'), await readFile(join(root, 'app'), 'utf8')]).toEqual([
      'one',
      'two',
    ]);
  });

  it('replaces an image only when it is told to', async () => {
    const { store } = setUp();
    await store.publish(await store.stage(pieces('old'), {}), 'a', { replace: false });
    const next = await store.stage(pieces('new'), {});
    await expect(store.publish(next, 'a', { replace: false })).rejects.toMatchObject({
      code: 'IMAGE_EXISTS',
    });
    expect(await readFile(join(root, 'a'), 'utf8')).toBe('old');
    expect(await store.publish(next, 'a', { replace: true })).toMatchObject({ isNew: false });
    expect(await readFile(join(root, 'a'), 'utf8')).toBe('new');
    expect(await staged()).toBe(0);
  });

  it.each([
    ['too little', { sizeBytes: 4 }, 'INCOMPLETE'],
    ['too much', { sizeBytes: 2 }, 'SIZE_MISMATCH'],
    ['something else', { digests: [digestOf('sha256', 'else')] }, 'DIGEST_MISMATCH'],
    [
      'what holds one promise of two',
      { digests: [digestOf('sha256', 'abc'), digestOf('sha512', 'else')] },
      'DIGEST_MISMATCH',
    ],
  ])('keeps nothing of %s', async (_what, expected, code) => {
    const { store } = setUp();
    await expect(store.stage(pieces('abc'), expected)).rejects.toMatchObject({ code });
    expect(await staged()).toBe(0);
  });

  it('keeps nothing of content that breaks off', async () => {
    const { store } = setUp();
    async function* broken() {
      yield Buffer.from('abc');
      throw new Error('connection reset');
    }
    await expect(store.stage(broken(), {})).rejects.toThrow('connection reset');
    expect(await staged()).toBe(0);
  });

  it.each([
    '.hidden',
    '-/api',
    'a/../b',
    'lost+found/x',
    'a//b',
    '',
    'a\u0000',
    'a\nb',
    `${'x'.repeat(256)}`,
  ])('refuses the path %j', async (path) => {
    const { store } = setUp();
    const content = await store.stage(pieces('abc'), {});
    await expect(store.publish(content, path, { replace: true })).rejects.toMatchObject({
      code: 'NAME_INVALID',
    });
    expect(await readdir(root)).toEqual(['.incoming']);
  });

  it('does not leave the root by symbolic links, nor replaces what is no file', async () => {
    const { store } = setUp();
    await symlink(outside, join(root, 'out'));
    await mkdir(join(root, 'folder'));
    await writeFile(join(root, 'file'), 'x');
    await symlink(join(outside, 'target'), join(root, 'link'));
    const content = await store.stage(pieces('abc'), {});
    for (const path of ['out/x', 'folder', 'file/x', 'link']) {
      await expect(store.publish(content, path, { replace: true })).rejects.toMatchObject({
        code: 'PATH_TAKEN',
      });
    }
    expect(await readdir(outside)).toEqual([]);
    expect(await readFile(join(root, 'file'), 'utf8')).toBe('x');
  });

  it('lets no other change come between a condition and what it is for', async () => {
    const { store } = setUp();
    await store.publish(await store.stage(pieces('first'), {}), 'a', { replace: true });
    const content = await Promise.all(['b', 'c', 'd'].map((text) => store.stage(pieces(text), {})));
    // As If-Match has it.
    const precondition = () => {
      if (readFileSync(join(root, 'a'), 'utf8') !== 'first') throw new Error('another was quicker');
    };
    const replaced = content.map((image) => store.publish(image, 'a', { replace: true, precondition }));
    const removed = store.remove('a', { precondition });
    expect((await Promise.allSettled([...replaced, removed])).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ]);
    expect(await readFile(join(root, 'a'), 'utf8')).toBe('b');
  });

  it('keeps the folder that an image comes into, though the last one in it goes meanwhile', async () => {
    const real = createPlacer();
    const placer: Placer = {
      ...real,
      async place(file, target, options) {
        await delay(50);
        return real.place(file, target, options);
      },
    };
    const { store } = setUp({ placer });
    await store.publish(await store.stage(pieces('old'), {}), 'x/y/old', { replace: false });
    const content = await store.stage(pieces('new'), {});
    const changes = [store.publish(content, 'x/y/new', { replace: false }), store.remove('x/y/old')];
    expect(await Promise.all(changes)).toMatchObject([{ isNew: true }, true]);
    expect(await readdir(join(root, 'x/y'))).toEqual(['new']);
  });

  it('checks a file that was written elsewhere', async () => {
    const { store } = setUp();
    const file = join(root, '.upload');
    await writeFile(file, 'abc');
    await expect(
      store.stageFile(file, { digest: { algorithm: 'sha256', hex: sha256('else') } }),
    ).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    const content = await store.stageFile(file, {
      sizeBytes: 3,
      digest: { algorithm: 'sha512', hex: createHash('sha512').update('abc').digest('hex') },
    });
    expect(await store.publish(content, 'a', { replace: false })).toMatchObject({ sha256: sha256('abc') });
    expect(await readdir(root)).toEqual(['a']);
  });
});

describe('limits', () => {
  it.each([
    ['more than is free', { freeBytes: 99 }, 'NO_SPACE'],
    ['what is kept free', { freeBytes: 200, reserveBytes: 101 }, 'NO_SPACE'],
    ['the quota', { usedBytes: 51, quotaBytes: 150 }, 'QUOTA_EXCEEDED'],
  ])('refuses 100 bytes beyond %s before anything is written', async (_what, limits, code) => {
    const { store } = setUp(limits);
    let isAsked = false;
    async function* content() {
      isAsked = true;
      yield Buffer.alloc(100);
    }
    await expect(store.stage(content(), { sizeBytes: 100 })).rejects.toMatchObject({ code });
    expect(isAsked).toBe(false);
    expect(await staged()).toBe(0);
  });

  it('counts what else is coming in', async () => {
    const { store } = setUp({ freeBytes: 150 });
    const first = Promise.withResolvers<void>();
    async function* slow() {
      await first.promise;
      yield Buffer.alloc(100);
    }
    const slowly = store.stage(slow(), { sizeBytes: 100 });
    await expect(store.stage(pieces('x'.repeat(100)), { sizeBytes: 100 })).rejects.toMatchObject({
      code: 'NO_SPACE',
    });
    first.resolve();
    await slowly;
    await expect(store.stage(pieces('x'.repeat(100)), { sizeBytes: 100 })).resolves.toBeDefined();
  });

  it('stops content of unknown size where the quota ends', async () => {
    const { store } = setUp({ quotaBytes: 20 * 1024 * 1024 });
    async function* endless() {
      for (;;) yield Buffer.alloc(1024 * 1024);
    }
    await expect(store.stage(endless(), {})).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(await staged()).toBe(0);
  });
});

describe('removing', () => {
  it('removes an image, and the folders that it leaves empty', async () => {
    const { store, events } = setUp();
    await mkdir(join(root, 'a/b/c'), { recursive: true });
    await writeFile(join(root, 'a/b/c/disk.img'), 'x');
    await writeFile(join(root, 'a/keep.img'), 'x');
    expect(await store.remove('a/b/c/disk.img')).toBe(true);
    expect(await readdir(root, { recursive: true })).toEqual(['a', 'a/keep.img']);
    expect(events).toEqual(['-']);
  });

  it('removes nothing but images', async () => {
    const { store } = setUp();
    await mkdir(join(root, 'folder'));
    await writeFile(join(outside, 'x'), 'x');
    await symlink(outside, join(root, 'out'));
    await writeFile(join(root, '.hidden'), 'x');
    for (const path of ['folder', '.hidden', 'missing', 'no/such/folder']) {
      expect(await store.remove(path)).toBe(false);
    }
    await writeFile(join(root, 'file'), 'x');
    for (const path of ['out/x', 'file/x']) {
      await expect(store.remove(path)).rejects.toMatchObject({ code: 'PATH_TAKEN' });
    }
    await rm(join(root, 'file'));
    expect(await readdir(outside)).toEqual(['x']);
    expect((await readdir(root)).sort()).toEqual(['.hidden', 'folder', 'out']);
  });

  it('removes a link to an image, and not the image; no other link', async () => {
    const { store } = setUp();
    await writeFile(join(root, 'disk.img'), 'x');
    await mkdir(join(root, 'folder'));
    await writeFile(join(outside, 'x'), 'x');
    await symlink('disk.img', join(root, 'alias.img'));
    await symlink('folder', join(root, 'to-folder'));
    await symlink(join(outside, 'x'), join(root, 'out'));
    await symlink('absent', join(root, 'nowhere'));
    const removed = [];
    for (const path of ['alias.img', 'to-folder', 'out', 'nowhere']) removed.push(await store.remove(path));
    expect(removed).toEqual([true, false, false, false]);
    expect((await readdir(root)).sort()).toEqual(['disk.img', 'folder', 'nowhere', 'out', 'to-folder']);
  });

  it('says so where the system does not allow it', async () => {
    // No one, root included, removes anything in /proc.
    const store = createImageStore(
      {
        space: createSpace({ freeBytes: async () => 1e12, usedBytes: () => 0 }, UNLIMITED),
        hash: hasher.hash,
      },
      { root: `/proc/${process.pid}`, owner: 'test' },
    );
    await expect(store.remove('status')).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
  });

  it('collects what it left itself and what others abandoned, not what is coming in', async () => {
    const { store } = setUp();
    expect(await store.collectAbandoned(0)).toBe(0);
    const current = await store.stage(pieces('current'), {});
    await utimes(current.file, 0, 0);
    const incoming = incomingDirectoryOf(root);
    for (const name of ['test-left.staged', 'other-old.staged', 'other-new.staged', 'unknown']) {
      await writeFile(join(incoming, name), 'x');
    }
    await utimes(join(incoming, 'other-old.staged'), 0, 0);
    expect(await store.collectAbandoned(3_600_000)).toBe(2);
    expect((await readdir(incoming)).sort()).toEqual(
      [basename(current.file), 'other-new.staged', 'unknown'].sort(),
    );
    await store.discard(current);
  });
});

describe('addImage', () => {
  it('copies a file into a folder of the store', async () => {
    const { store } = setUp();
    await writeFile(join(outside, 'disk.img'), 'content');
    await chmod(join(outside, 'disk.img'), 0o600);
    await link(join(outside, 'disk.img'), join(outside, 'other'));
    expect(await addImage(store, join(outside, 'disk.img'), '/debian/', false)).toEqual({
      path: 'debian/disk.img',
      sizeBytes: 7,
      sha256: sha256('content'),
      isNew: true,
    });
    expect((await stat(join(root, 'debian/disk.img'))).mode & 0o777).toBe(0o644);
    await expect(addImage(store, join(outside, 'disk.img'), 'debian', false)).rejects.toThrow(
      /disk\.img cannot be added as \/debian\/disk\.img: An image of this path exists already\. Give --replace/,
    );
    expect(await staged()).toBe(0);
  });

  it.each([
    ['.hidden', 'cannot be the path of an image'],
    ['missing', 'no such file'],
    ['.', 'no regular file'],
  ])('refuses %s, and leaves nothing behind', async (name, reason) => {
    const { store } = setUp();
    await writeFile(join(outside, '.hidden'), 'x');
    await expect(addImage(store, join(outside, name), '', false)).rejects.toThrow(reason);
    expect(await staged()).toBe(0);
  });
});
