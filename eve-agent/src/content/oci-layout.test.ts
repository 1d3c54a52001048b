// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { REF_NAME } from '@local-datastore/shared/oci/image-archive';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type OciLayout, openOciLayout } from './oci-layout.ts';

const { signal } = new AbortController();
const BYTES = Buffer.from('a layer');
const HEX = createHash('sha256').update(BYTES).digest('hex');
let top: string;
let folder: string;
const opened: OciLayout[] = [];
const DIGEST = digestOfHex(HEX);
const open = async () => {
  const layout = await openOciLayout(folder);
  opened.push(layout);
  return layout;
};
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'oci-layout-'));
  folder = join(top, 'deep', 'image');
});
afterEach(async () => {
  for (const layout of opened.splice(0)) layout.close();
  await rm(top, { recursive: true });
});
const entry = (digit: string, annotations: Record<string, string>) => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  ...{ digest: `sha256:${digit.repeat(64)}`, size: 3, annotations },
});
const image = (digit: string, ...names: string[]) => ({
  manifest: {
    ...{ mediaType: entry(digit, {}).mediaType, bytes: Buffer.from('abc') },
    digest: { algorithm: 'sha256' as const, hex: digit.repeat(64) },
  },
  ...{ children: [], names },
});
const namesOf = async () =>
  JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')).manifests.map(
    ({ digest }: { digest: string }) => digest[7],
  );

it('is made where there is none, and holds what is written', async () => {
  const layout = await open();
  expect(await readFile(join(folder, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
  expect(await layout.hasBlob({ digest: DIGEST, sizeBytes: BYTES.length }, signal)).toBe(false);
  await layout.writeBlob(DIGEST, BYTES);
  expect(await readFile(join(folder, 'blobs/sha256', HEX))).toEqual(BYTES);
  expect(await layout.hasBlob({ digest: DIGEST, sizeBytes: BYTES.length }, signal)).toBe(true);
  await layout.name(image('a', 'ds.local/a:1'));
  expect(await namesOf()).toEqual(['a']);
});

it.each([
  ['of another size', Buffer.from('a layer!')],
  ['with a flipped bit', Buffer.from('a layes')],
])('does not have a blob %s', async (_title, bytes) => {
  const layout = await open();
  await writeFile(layout.blobPath(DIGEST), bytes);
  expect(await layout.hasBlob({ digest: DIGEST, sizeBytes: BYTES.length }, signal)).toBe(false);
});

it('does not have a blob behind a link', async () => {
  const layout = await open();
  await writeFile(join(top, 'elsewhere'), BYTES);
  await symlink(join(top, 'elsewhere'), layout.blobPath(DIGEST));
  expect(await layout.hasBlob({ digest: DIGEST, sizeBytes: BYTES.length }, signal)).toBe(false);
});

it.each([
  ['of the same full name', ['ds.local/a:1'], ['b']],
  ['of the same tag of another repository', ['ds.local/b:1'], ['a', 'b']],
  ['of another tag', ['ds.local/a:2'], ['a', 'b']],
  ['without a name', [], ['a', 'b']],
])('names an image %s', async (_title, names, expected) => {
  const layout = await open();
  await layout.name(image('a', 'ds.local/a:1'));
  for (let i = 0; i < 2; i += 1) await layout.name(image('b', ...names));
  expect(await namesOf()).toEqual(expected);
});

it('keeps what other programs have named, and takes over a name that only they know', async () => {
  const layout = await open();
  const manifests = [entry('c', { [REF_NAME]: '1' }), { ...entry('d', {}), annotations: null, more: true }];
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, more: 1, manifests }));
  await layout.name(image('a', 'ds.local/a:1'));
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'));
  expect(index).toMatchObject({
    schemaVersion: 2,
    more: 1,
    manifests: [{ digest: entry('d', {}).digest }, { digest: entry('a', {}).digest }],
  });
  expect(index.manifests[0]).toEqual(manifests[1]);
});

it('is one process’s at a time', async () => {
  await open();
  await expect(open()).rejects.toMatchObject({ code: 'TARGET_BUSY' });
  opened.pop()?.close();
  await expect(open()).resolves.toBeDefined();
});

it.each<[string, () => Promise<unknown>]>([
  ['nothing', async () => {}],
  ['an empty folder', () => mkdir(folder)],
  ['what a killed run left', () => mkdir(join(folder, 'blobs'), { recursive: true })],
  [
    'what a killed run left half',
    async () => {
      await mkdir(folder);
      await writeFile(join(folder, 'oci-layout.new'), '');
    },
  ],
  [
    'a layout with more in it',
    async () => {
      await mkdir(folder);
      await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
      await writeFile(join(folder, 'README'), '');
    },
  ],
])('takes %s', async (_title, prepare) => {
  await mkdir(join(top, 'deep'));
  await prepare();
  await expect(open()).resolves.toBeDefined();
});

it.each<[string, () => Promise<unknown>, string]>([
  [
    'a folder of other things',
    async () => {
      await mkdir(folder);
      await writeFile(join(folder, 'thesis.tex'), '');
    },
    'holds "thesis.tex"',
  ],
  ['a file', () => writeFile(folder, ''), 'it is no folder'],
  ['a link', () => symlink('/nowhere', folder), 'it is no folder'],
  [
    'a link in the place of its blobs',
    async () => {
      await mkdir(folder);
      await symlink('/nowhere', join(folder, 'blobs'));
    },
    'it is no folder',
  ],
  [
    'an index that is none',
    async () => {
      await mkdir(folder);
      await writeFile(join(folder, 'index.json'), '[]');
    },
    'no index of images',
  ],
])('refuses %s, and leaves it as it was', async (_title, prepare, why) => {
  await mkdir(join(top, 'deep'));
  await prepare();
  const before = await readdir(join(top, 'deep'), { recursive: true });
  await expect(open()).rejects.toMatchObject({
    code: 'TARGET_UNWRITABLE',
    message: expect.stringContaining(why),
  });
  if (why.includes('thesis')) expect(await readdir(join(top, 'deep'), { recursive: true })).toEqual(before);
});

it('has room, or says that it has not', async () => {
  const layout = await open();
  const blob = { digest: DIGEST, sizeBytes: 1 };
  await layout.requireSpace([blob], 0);
  await expect(layout.requireSpace([blob], Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({
    code: 'NO_SPACE',
  });
});

it('holds blobs by sha512 beside those by sha256', async () => {
  const layout = await openOciLayout(folder, new Set(['sha256', 'sha512'] as const));
  opened.push(layout);
  const digest = digestOfHex(createHash('sha512').update(BYTES).digest('hex'));
  await layout.writeBlob(digest, BYTES);
  expect(await readFile(join(folder, 'blobs/sha512', digest.hex))).toEqual(BYTES);
  expect(await layout.hasBlob({ digest, sizeBytes: BYTES.length }, signal)).toBe(true);
  await writeFile(layout.blobPath(digest), Buffer.from('a layes'));
  expect(await layout.hasBlob({ digest, sizeBytes: BYTES.length }, signal)).toBe(false);
});
