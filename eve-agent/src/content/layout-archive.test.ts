// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readLayoutArchive } from './layout-archive.ts';

const HEX = 'ab'.repeat(32);
let folder: string;
const blobs = () => join(folder, 'image/blobs/sha256');
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'layout-archive-'));
  await mkdir(blobs(), { recursive: true });
  await writeFile(join(folder, 'image/index.json'), '{"manifests":[]}');
});
afterEach(() => rm(folder, { recursive: true }));

async function unpacked(): Promise<string[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readLayoutArchive(join(folder, 'image'))) pieces.push(piece);
  await writeFile(join(folder, 'a.tar'), Buffer.concat(pieces));
  await mkdir(join(folder, 'out'));
  execFileSync('tar', ['-xf', join(folder, 'a.tar'), '-C', join(folder, 'out')]);
  const list = execFileSync('tar', ['-tf', join(folder, 'a.tar')], { encoding: 'utf8' });
  return list.trim().split('\n');
}

it('is a tar of the layout, with blobs of any size', async () => {
  const large = Buffer.alloc(300_001, 7);
  await writeFile(join(blobs(), HEX), large);
  await writeFile(join(blobs(), 'cd'.repeat(32)), '');
  expect(await unpacked()).toEqual([
    'oci-layout',
    'index.json',
    `blobs/sha256/${HEX}`,
    `blobs/sha256/${'cd'.repeat(32)}`,
  ]);
  expect(await readFile(join(folder, 'out/blobs/sha256', HEX))).toEqual(large);
  expect(await readFile(join(folder, 'out/index.json'), 'utf8')).toBe('{"manifests":[]}');
});

it('leaves out what is no blob, and follows no link', async () => {
  await writeFile(join(blobs(), 'notes.txt'), 'x');
  await symlink('/etc/passwd', join(blobs(), HEX));
  expect(await unpacked()).toEqual(['oci-layout', 'index.json']);
});

it('fails where there is no layout', async () => {
  await rm(join(folder, 'image/index.json'));
  await expect(unpacked()).rejects.toThrow('ENOENT');
});
