// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createImageOpener, type OpenImage } from './open-image.ts';

let folder: string;
let root: string;
let openImage: (path: string) => OpenImage | undefined;
let opened: OpenImage[];

const countOpenFiles = () => readdirSync('/proc/self/fd').length;

function contentAt(path: string): string | undefined {
  const image = openImage(path);
  if (image === undefined) return undefined;
  opened.push(image);
  return readFileSync(image.fd, 'utf8');
}

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'open-image-')));
  root = join(folder, 'root');
  await mkdir(join(root, 'sub', '.hidden'), { recursive: true });
  await mkdir(join(root, 'lost+found'));
  await writeFile(join(root, 'sub', 'a.img'), 'content');
  await writeFile(join(root, 'sub', '.hidden', 'b.img'), 'hidden');
  await writeFile(join(root, 'lost+found', 'c.img'), 'lost');
  await writeFile(join(folder, 'secret'), 'secret');
  // A folder that begins like the root is not below it.
  await mkdir(join(folder, 'root-2'));
  await writeFile(join(folder, 'root-2', 'd.img'), 'neighbour');
  openImage = createImageOpener(root);
  opened = [];
});

afterEach(async () => {
  for (const { fd } of opened) closeSync(fd);
  await rm(folder, { recursive: true });
});

it('opens a file and says which version it is', () => {
  expect(contentAt('sub/a.img')).toBe('content');
  const [image] = opened;
  const stat = fstatSync(image?.fd ?? -1, { bigint: true });
  expect(image).toMatchObject({
    path: 'sub/a.img',
    version: { sizeBytes: 7, mtimeNs: stat.mtimeNs, inode: stat.ino },
  });
});

it('opens what stands directly in the root by its own name', async () => {
  await writeFile(join(root, 'a.img'), 'in the root');
  await writeFile(join(root, 'b (deleted)'), 'named so');
  await symlink('../secret', join(root, 'out.img'));
  expect([contentAt('a.img'), contentAt('b (deleted)'), contentAt('out.img')]).toEqual([
    'in the root',
    'named so',
    undefined,
  ]);
  expect(opened.map(({ path }) => path)).toEqual(['a.img', 'b (deleted)']);
  expect(contentAt('absent.img')).toBe(undefined);
  expect(contentAt('sub')).toBe(undefined);
});

it('follows a link inside the root, and says where the file really stands', async () => {
  await symlink('sub/a.img', join(root, 'alias.img'));
  await symlink('sub', join(root, 'folder'));
  expect(contentAt('alias.img')).toBe('content');
  expect(contentAt('folder/a.img')).toBe('content');
  expect(opened.map(({ path }) => path)).toEqual(['sub/a.img', 'sub/a.img']);
});

it.each([
  ['to a file outside', '../secret'],
  ['to the folder beside it', '../root-2/d.img'],
  ['to a hidden file', 'sub/.hidden/b.img'],
  ['to what a file system check recovered', 'lost+found/c.img'],
  ['to itself', 'link'],
  ['to nothing', 'absent'],
  ['to a device', '/dev/zero'],
  ['to its own process', '/proc/self/environ'],
])('does not follow a link %s, and keeps nothing open', async (_title, target) => {
  await symlink(target, join(root, 'link'));
  const before = countOpenFiles();
  expect(contentAt('link')).toBeUndefined();
  expect(countOpenFiles()).toBe(before);
});

it.each(['sub', 'absent', 'sub/a.img/more', 'sub/.hidden/b.img', '../secret', 'lost+found/c.img', ''])(
  'finds no image at %j, and keeps nothing open',
  (path) => {
    const before = countOpenFiles();
    expect(contentAt(path)).toBeUndefined();
    expect(countOpenFiles()).toBe(before);
  },
);

it('does not wait for the writer of a FIFO, nor open a socket', async () => {
  expect(spawnSync('mkfifo', [join(root, 'fifo')]).status).toBe(0);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));
  expect([contentAt('fifo'), contentAt('socket')]).toEqual([undefined, undefined]);
  server.close();
});
