// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { closeSync, readFileSync, statfsSync } from 'node:fs';
import { mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createImageOpener } from './open-image.ts';
import {
  createRememberedImages,
  MAX_REMEMBERED_BYTES,
  type RememberedImages,
  type RememberedImagesDeps,
} from './remembered-images.ts';

const EXT4 = 0xef53;
const XFS = 0x58465342;
const BTRFS = 0x9123683e;
const OVERLAY = 0x794c7630;
const CONTENT = Buffer.from('content');
const sha256Of = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');
/** What takes as much as is remembered at all. */
const PLACES = 64;

let root: string;
let nowMs: number;
let elapsedMs: number;
let types: number;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'remembered-')));
  await writeFile(join(root, 'a.img'), CONTENT);
  nowMs = Date.now() + 600_000;
  elapsedMs = 0;
  types = 0;
});
afterEach(() => rm(root, { recursive: true }));

const create = (deps: RememberedImagesDeps = {}): RememberedImages =>
  createRememberedImages(
    {
      now: () => nowMs,
      elapsed: () => elapsedMs,
      typeOf() {
        types += 1;
        return EXT4;
      },
      ...deps,
    },
    root,
  );

/** Opens and reads an image, as who sends it. */
function read(images: RememberedImages, path: string, sha256?: string): void {
  const image = createImageOpener(root)(path);
  if (image === undefined) throw new Error(`there is no ${path}`);
  const bytes = readFileSync(image.fd);
  images.noteRead(path, image, sha256 ?? sha256Of(bytes), bytes);
  closeSync(image.fd);
}

it('remembers what is read a second time, in memory of its own', () => {
  const images = create();
  read(images, 'a.img');
  expect(images.find('a.img')).toBeUndefined();
  read(images, 'a.img');
  expect(images.find('a.img')).toMatchObject({
    ...{ path: 'a.img', sha256: sha256Of(CONTENT), bytes: CONTENT },
    version: { sizeBytes: CONTENT.length },
  });
  expect(images.find('b.img')).toBeUndefined();
});

it.each([
  ['was left alone for a minute', 60_001, true],
  ['was left alone for less than a minute', 59_000, false],
  ['is of a time to come', -1000, false],
])('remembers what %s: in %d ms %j', async (_title, ageMs, isRemembered) => {
  const { ctimeMs } = await stat(join(root, 'a.img'));
  nowMs = Math.ceil(ctimeMs) + ageMs;
  const images = create();
  for (let i = 0; i < 3; i += 1) read(images, 'a.img');
  expect(images.find('a.img') !== undefined).toBe(isRemembered);
});

it.each([
  ['ext4', EXT4, true],
  ['XFS', XFS, true],
  ['btrfs', BTRFS, true],
  ['overlay', OVERLAY, true],
  ['tmpfs', 0x01021994, false],
  ['vfat', 0x4d44, false],
  ['exFAT', 0x2011bab0, false],
  ['NFS', 0x6969, false],
  ['9p', 0x01021997, false],
  ['FUSE', 0x65735546, false],
  ['ZFS', 0x2fc12fc1, false],
])('goes by the file system: %s', (_name, type, isRemembered) => {
  const images = create({ typeOf: () => type });
  for (let i = 0; i < 3; i += 1) read(images, 'a.img');
  expect(images.find('a.img') !== undefined).toBe(isRemembered);
});

it('remembers nothing where the file system cannot be told', () => {
  const images = create({
    typeOf() {
      throw new Error('no /proc');
    },
  });
  for (let i = 0; i < 3; i += 1) read(images, 'a.img');
  expect(images.find('a.img')).toBeUndefined();
});

it('looks once at what it cannot remember, and again at its next version', async () => {
  const images = create();
  for (let i = 0; i < 4; i += 1) read(images, 'a.img', sha256Of(Buffer.from('other')));
  expect([types, images.find('a.img')]).toEqual([1, undefined]);
  await writeFile(join(root, 'next.img'), CONTENT);
  for (let i = 0; i < 2; i += 1) read(images, 'next.img');
  expect(images.find('next.img')?.bytes.equals(CONTENT)).toBe(true);
});

it('asks the kernel on which file system an open file stands', () => {
  const images = createRememberedImages({ now: () => nowMs }, root);
  for (let i = 0; i < 2; i += 1) read(images, 'a.img');
  const isTelling = [EXT4, XFS, BTRFS, OVERLAY].includes(statfsSync(root).type);
  expect(images.find('a.img') !== undefined).toBe(isTelling);
});

it('takes 4 MiB at most, and keeps those that are asked for', async () => {
  const images = create();
  const paths = Array.from({ length: PLACES + 2 }, (_, i) => `${i}.img`);
  await Promise.all(
    paths.map((path) => writeFile(join(root, path), Buffer.alloc(MAX_REMEMBERED_BYTES, path))),
  );
  const readTwice = (path: string) => {
    for (let i = 0; i < 2; i += 1) read(images, path);
  };
  const remembered = () => paths.filter((path) => images.find(path) !== undefined);
  for (const path of paths) readTwice(path);
  expect(remembered()).toEqual(paths.slice(0, PLACES));

  // In this time only the first is asked for.
  elapsedMs = 10_000;
  readTwice(`${PLACES}.img`);
  images.find('0.img');
  elapsedMs = 20_000;
  readTwice(`${PLACES}.img`);
  readTwice(`${PLACES + 1}.img`);
  expect(remembered()).toEqual(['0.img', `${PLACES}.img`, `${PLACES + 1}.img`]);
});

it('counts the smallest for more than their bytes', async () => {
  const images = create();
  const paths = Array.from({ length: 900 }, (_, i) => `${i}.img`);
  await Promise.all(paths.map((path) => writeFile(join(root, path), path)));
  for (let i = 0; i < 2; i += 1) for (const path of paths) read(images, path);
  await writeFile(join(root, 'large.img'), Buffer.alloc(MAX_REMEMBERED_BYTES));
  for (let i = 0; i < 2; i += 1) read(images, 'large.img');
  expect(paths.every((path) => images.find(path) !== undefined)).toBe(true);
  const more = Array.from({ length: 200 }, (_, i) => `more-${i}.img`);
  await Promise.all(more.map((path) => writeFile(join(root, path), path)));
  for (let i = 0; i < 2; i += 1) for (const path of more) read(images, path);
  expect(more.filter((path) => images.find(path) !== undefined)).toHaveLength(1024 - 900 - 16);
});
