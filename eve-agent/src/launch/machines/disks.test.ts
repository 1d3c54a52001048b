// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyDisk, inspectDisk, makeBlankDisk } from './disks.ts';

const MIB = 1024 * 1024;

describe('the disk of a machine', () => {
  const { signal } = new AbortController();
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'disks-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const source = async () => {
    const path = join(folder, 'image.raw');
    const content = Buffer.alloc(5 * MIB + 7);
    content.write('begin', 0);
    content.write('middle', 3 * MIB);
    await writeFile(path, content);
    return { path, content, format: 'raw' as const, expected: await inspectDisk(path, 'raw') };
  };

  it('is a copy for its owner alone, in which zeros take no room', async () => {
    const image = await source();
    await copyDisk(image, join(folder, 'disk'), signal);
    expect((await readFile(join(folder, 'disk'))).equals(image.content)).toBe(true);
    const { mode, blocks } = await stat(join(folder, 'disk'));
    expect(mode & 0o777).toBe(0o600);
    expect(blocks * 512).toBeLessThan(4 * MIB);
    expect((await readdir(folder)).sort()).toEqual(['disk', 'image.raw']);
  });

  it('is not made of a file that is another, gone, or no such disk; nothing is left then', async () => {
    const image = await source();
    const disk = join(folder, 'disk');
    await utimes(image.path, 1, 1);
    await expect(copyDisk(image, disk, signal)).rejects.toMatchObject({ status: 409 });
    await expect(copyDisk({ ...image, path: join(folder, 'none') }, disk, signal)).rejects.toMatchObject({
      ...{ status: 404, message: expect.stringContaining('the file of the image is gone') },
    });
    const expected = await inspectDisk(image.path, 'raw');
    await expect(
      copyDisk({ ...image, format: 'iso' as never, expected }, disk, signal),
    ).rejects.toMatchObject({
      status: 422,
    });
    await expect(
      copyDisk({ ...image, expected }, disk, AbortSignal.abort(new Error('enough'))),
    ).rejects.toThrow('enough');
    expect(await readdir(folder)).toEqual(['image.raw']);
  });

  it('what a crash left of an earlier try is replaced', async () => {
    const image = await source();
    await writeFile(join(folder, 'disk.new'), 'half');
    await copyDisk(image, join(folder, 'disk'), signal);
    expect((await readdir(folder)).sort()).toEqual(['disk', 'image.raw']);
  });

  it('a blank one has its size, and takes no room', async () => {
    const path = join(folder, 'blank');
    await makeBlankDisk(path, 1024 * MIB);
    const { size, blocks } = await stat(path);
    expect([size, blocks * 512 < MIB]).toEqual([1024 * MIB, true]);
    const file = await open(path);
    const { buffer } = await file.read(Buffer.alloc(16, 1), 0, 16, 512 * MIB);
    await file.close();
    expect(buffer.every((byte) => byte === 0)).toBe(true);
  });
});
