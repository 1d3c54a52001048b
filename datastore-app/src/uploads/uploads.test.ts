// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, realpath, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NewChange } from '../changes/change.ts';
import { createHasher, type Hasher } from '../content/hasher.ts';
import { createSpace } from '../content/space.ts';
import { incomingDirectoryOf } from '../content/staging.ts';
import { createImageStore, type ImageStore } from '../images/image-store.ts';
import { createUploadFiles } from './upload-files.ts';
import { createUploads, type UploadsOptions } from './uploads.ts';

const HOUR_MS = 3_600_000;
const ID = 'a'.repeat(32);
const ORIGIN = { by: 'admin', client: '192.0.2.1' };
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

let root: string;
let hasher: Hasher;
let nowMs: number;
let told: NewChange[];
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'uploads-')));
  hasher = createHasher();
  nowMs = Date.now();
  told = [];
});
afterEach(async () => {
  await hasher.stop();
  await rm(root, { recursive: true });
});

/** A datastore's uploads; a second one on the same root is what the next start finds. */
async function start(
  change: (store: ImageStore) => Partial<ImageStore> = () => ({}),
  options: Partial<UploadsOptions> = {},
) {
  const space = createSpace(
    { freeBytes: async () => 1e12, usedBytes: () => 0 },
    { reserveBytes: 0, quotaBytes: 1000 },
  );
  const store = createImageStore({ space, hash: hasher.hash }, { root, owner: 'test' });
  const uploads = createUploads(
    {
      log: silentLog,
      note: (change) => told.push(change),
      files: createUploadFiles(incomingDirectoryOf(root)),
      store: { ...store, ...change(store) },
      space,
      now: () => nowMs,
    },
    { expiryMs: 24 * HOUR_MS, ...options },
  );
  await uploads.start();
  return { uploads, space };
}

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}
async function* broken(text: string) {
  yield Buffer.from(text);
  throw new Error('connection reset');
}

const incoming = () => readdir(incomingDirectoryOf(root)).catch(() => []);
const image = (path: string) => readFile(join(root, path), 'utf8');

it('collects an image piece by piece, and keeps what came before an error', async () => {
  const { uploads } = await start();
  await uploads.create({
    id: ID,
    sizeBytes: 6,
    origin: ORIGIN,
    metadata: { path: 'a', sha256: sha256('abcdef') },
  });
  await expect(uploads.append(ID, 0, broken('ab'))).rejects.toThrow('connection reset');
  expect((await uploads.find(ID))?.receivedBytes).toBe(2);
  expect(await uploads.append(ID, 2, pieces('c', 'def'))).toBe(6);
  expect(await uploads.finish(ID, ORIGIN)).toEqual({ path: 'a', sha256: sha256('abcdef') });
  expect(await image('a')).toBe('abcdef');
  expect(await uploads.list()).toEqual([]);
});

it('finishes once, however often it is asked to', async () => {
  const { uploads } = await start();
  await uploads.create({ id: ID, sizeBytes: 3, origin: ORIGIN, metadata: { path: 'a' } });
  await uploads.append(ID, 0, pieces('abc'));
  const [first, second] = await Promise.all([uploads.finish(ID, ORIGIN), uploads.finish(ID, ORIGIN)]);
  expect(first).toEqual(second);
  expect(await uploads.finish(ID, ORIGIN)).toEqual(first);
  expect(await uploads.append(ID, 3, pieces('more'))).toBe(3);
  const digest = `sha256:${sha256('abc')}`;
  expect(told).toEqual([{ action: 'created', image: 'a', sizeBytes: 3, digest, ...ORIGIN, via: 'tus' }]);
});

it('does not say that all is there while it is being checked', async () => {
  const gate = Promise.withResolvers<void>();
  const { uploads } = await start((store) => ({
    async stageFile(...args) {
      await gate.promise;
      return store.stageFile(...args);
    },
  }));
  await uploads.create({
    id: ID,
    sizeBytes: 3,
    origin: ORIGIN,
    metadata: { path: 'a', sha256: sha256('xyz') },
  });
  await uploads.append(ID, 0, pieces('abc'));
  const finishing = uploads.finish(ID, ORIGIN).catch((error) => error.code);
  let found: unknown = 'waiting';
  const finding = uploads.find(ID).then((status) => {
    found = status;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(found).toBe('waiting');
  gate.resolve();
  expect(await finishing).toBe('DIGEST_MISMATCH');
  await finding;
  expect(found).toBeUndefined();
  expect(await incoming()).toEqual([]);
});

it('keeps a complete upload whose publishing failed for a reason that passes', async () => {
  let isFull = true;
  const { uploads } = await start((store) => ({
    async publish(...args) {
      if (isFull) throw Object.assign(new Error('disk trouble'), { code: 'EIO' });
      return store.publish(...args);
    },
  }));
  await uploads.create({ id: ID, sizeBytes: 3, origin: ORIGIN, metadata: { path: 'a' } });
  await uploads.append(ID, 0, pieces('abc'));
  await expect(uploads.finish(ID, ORIGIN)).rejects.toThrow('disk trouble');
  await expect(uploads.find(ID)).rejects.toThrow('disk trouble');
  isFull = false;
  expect(await uploads.find(ID)).toMatchObject({ isPublished: true });
  expect(await image('a')).toBe('abc');
});

it('knows after a restart what was begun, what it may still take, and what was published', async () => {
  const before = await start();
  const done = 'b'.repeat(32);
  await before.uploads.create({ id: ID, sizeBytes: 600, origin: ORIGIN, metadata: { path: 'a' } });
  await before.uploads.append(ID, 0, pieces('abc'));
  await before.uploads.create({ id: done, sizeBytes: 3, origin: ORIGIN, metadata: { path: 'b' } });
  await before.uploads.append(done, 0, pieces('xyz'));
  await before.uploads.finish(done, ORIGIN);
  await writeFile(join(incomingDirectoryOf(root), `${'c'.repeat(32)}.upload`), 'without a record');

  const { uploads, space } = await start();
  expect(await uploads.find(ID)).toMatchObject({ receivedBytes: 3, sizeBytes: 600, isPublished: false });
  expect(await uploads.find(done)).toMatchObject({ isPublished: true, verifiedSha256: sha256('xyz') });
  await expect(space.claim(500)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
  expect(await uploads.remove(ID, ORIGIN)).toBe(true);
  expect(await uploads.remove(ID, ORIGIN)).toBe(false);
  await space.claim(500);
  expect(await incoming()).toEqual([`${done}.upload.json`]);
});

it.each([
  ['before its last name', 'link'],
  ['after it', 'unlink'],
])('publishes at the next start what was cut off %s', async (_when, step) => {
  const before = await start(() => ({
    async publish() {
      throw new Error('power cut');
    },
  }));
  await before.uploads.create({ id: ID, sizeBytes: 3, origin: ORIGIN, metadata: { path: 'a' } });
  await before.uploads.append(ID, 0, pieces('abc'));
  await expect(before.uploads.finish(ID, ORIGIN)).rejects.toThrow('power cut');
  if (step === 'unlink') {
    const { link } = await import('node:fs/promises');
    await link(join(incomingDirectoryOf(root), `${ID}.upload`), join(root, 'a'));
  }
  const { uploads } = await start();
  expect(await uploads.find(ID)).toMatchObject({ isPublished: true });
  expect(await image('a')).toBe('abc');
  expect(await incoming()).toEqual([`${ID}.upload.json`]);
});

it('removes what nobody goes on with, and not what is going on', async () => {
  const { uploads, space } = await start();
  const other = 'b'.repeat(32);
  await uploads.create({ id: ID, sizeBytes: 600, origin: ORIGIN, metadata: { path: 'a' } });
  await uploads.create({ id: other, sizeBytes: 3, origin: ORIGIN, metadata: { path: 'b' } });
  // The times of the files are the system's, a little later than ours.
  nowMs = Date.now() + 23 * HOUR_MS;
  await uploads.append(other, 0, pieces('x'));
  const recently = new Date(nowMs);
  await utimes(join(incomingDirectoryOf(root), `${other}.upload`), recently, recently);
  expect(await uploads.collectExpired()).toBe(0);
  nowMs += HOUR_MS;
  expect(await uploads.collectExpired()).toBe(1);
  expect((await uploads.list()).map(({ id }) => id)).toEqual([other]);
  await space.claim(900);
  nowMs += 24 * HOUR_MS;
  const gate = Promise.withResolvers<void>();
  async function* slow() {
    await gate.promise;
    yield Buffer.from('y');
  }
  const appending = uploads.append(other, 1, slow()).catch(() => {});
  expect(await uploads.collectExpired()).toBe(0);
  gate.resolve();
  await appending;
});

it('takes a limited number of uploads', async () => {
  const { uploads } = await start(undefined, { maxUploads: 3 });
  for (const letter of 'bcd') {
    await uploads.create({ id: letter.repeat(32), sizeBytes: 0, origin: ORIGIN, metadata: { path: letter } });
  }
  await expect(
    uploads.create({ id: ID, sizeBytes: 0, origin: ORIGIN, metadata: { path: 'a' } }),
  ).rejects.toMatchObject({
    code: 'QUOTA_EXCEEDED',
    message: expect.stringContaining('3 uploads'),
  });
});
