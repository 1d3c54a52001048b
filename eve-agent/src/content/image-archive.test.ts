// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageToArchive } from '@local-datastore/shared/oci/image-archive';
import { OCI_CONFIG, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { archiveBytes, writeImageArchive } from './image-archive.ts';

const { signal } = new AbortController();
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-archive-'));
  path = join(folder, 'image.tar');
});
afterEach(() => rm(folder, { recursive: true }));
const pathOf = ({ hex }: { hex: string }) => join(folder, hex);

/** Of sizes around those of blocks and copies. */
const SIZES = [0, 1, 511, 512, 513, 1024 * 1024, 1024 * 1024 + 1];
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function makeImage(): Promise<{ image: ImageToArchive; hexes: string[] }> {
  const descriptors = [];
  for (const size of SIZES) {
    const bytes = Buffer.alloc(size, size);
    await writeFile(pathOf({ hex: sha256(bytes) }), bytes);
    descriptors.push({ mediaType: OCI_CONFIG, digest: `sha256:${sha256(bytes)}`, size });
  }
  const [config, ...layers] = descriptors;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }));
  const digest = { algorithm: 'sha256' as const, hex: sha256(bytes) };
  return {
    image: { manifest: { digest, mediaType: OCI_MANIFEST, bytes }, children: [], names: ['ds.local/a:1'] },
    hexes: [digest.hex, ...descriptors.map((each) => each.digest.slice(7))],
  };
}
const tar = (...args: string[]) => execFileSync('tar', args, { encoding: 'utf8' });

it('writes what tar reads, with all blobs', async () => {
  const { image, hexes } = await makeImage();
  await writeImageArchive(path, image, pathOf, signal);
  expect((await stat(path)).size).toBe(archiveBytes(image));
  const unpacked = join(folder, 'unpacked');
  await mkdir(unpacked);
  tar('xf', path, '-C', unpacked);
  expect((await readdir(unpacked)).sort()).toEqual(['blobs', 'index.json', 'manifest.json', 'oci-layout']);
  for (const hex of hexes) expect(sha256(await readFile(join(unpacked, 'blobs/sha256', hex)))).toBe(hex);
});

it('writes the same bytes for the same image', async () => {
  const { image } = await makeImage();
  await writeImageArchive(path, image, pathOf, signal);
  const first = await readFile(path);
  await writeImageArchive(path, image, pathOf, signal);
  expect((await readFile(path)).equals(first)).toBe(true);
});

it.each<[string, (hexes: string[], stop: AbortController) => Promise<unknown>, object]>([
  ['a blob is shorter than it was', async (hexes) => writeFile(pathOf({ hex: hexes.at(-1) ?? '' }), 'x'), {}],
  ['a blob is gone', async (hexes) => rm(pathOf({ hex: hexes[3] ?? '' })), { code: 'TARGET_UNWRITABLE' }],
  ['it is told to stop', async (_hexes, stop) => stop.abort(new Error('stopped')), { message: 'stopped' }],
])('leaves the old file, and nothing else, where %s', async (_title, disturb, error) => {
  const { image, hexes } = await makeImage();
  await writeFile(path, 'old');
  const stop = new AbortController();
  await disturb(hexes, stop);
  await expect(writeImageArchive(path, image, pathOf, stop.signal)).rejects.toMatchObject(error);
  expect(await readFile(path, 'utf8')).toBe('old');
  expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
});
