// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writePieces } from './write-pieces.ts';

const MIB = 1024 * 1024;

let folder: string;
let file: string;
let handle: FileHandle;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pieces-'));
  file = join(folder, 'file');
  handle = await open(file, 'w+');
});
afterEach(async () => {
  await handle.close();
  await rm(folder, { recursive: true });
});

async function* cut(content: Buffer, sizes: readonly number[]) {
  let offset = 0;
  for (const size of sizes) {
    yield content.subarray(offset, offset + size);
    offset += size;
  }
}

it.each([
  [[]],
  [[0, 1, 0, 2]],
  [[MIB]],
  [[MIB - 1, 1, 1]],
  [[3 * MIB + 7, 5]],
  [Array.from({ length: 3000 }, () => 777)],
])('writes pieces of %j bytes in order', async (sizes) => {
  const content = randomBytes(sizes.reduce((sum, size) => sum + size, 0));
  const announced: number[] = [];
  await handle.write('head');
  const written = await writePieces(
    handle,
    4,
    cut(content, sizes),
    async (bytes) => void announced.push(bytes),
  );
  expect(written).toBe(content.length);
  expect(announced.reduce((sum, bytes) => sum + bytes, 0)).toBe(content.length);
  expect(announced.every((bytes) => bytes > 0 && bytes <= MIB)).toBe(true);
  expect((await readFile(file)).equals(Buffer.concat([Buffer.from('head'), content]))).toBe(true);
});

it.each([
  ['as much as was expected', 10_000],
  ['less than was expected', 5000],
  ['more than was expected', 3 * MIB],
  ['nothing, where nothing was expected', 0],
])('writes %s', async (_, sizeBytes) => {
  const content = randomBytes(sizeBytes);
  const expectedBytes = sizeBytes === 0 ? 0 : 10_000;
  expect(await writePieces(handle, 0, cut(content, [sizeBytes]), async () => {}, expectedBytes)).toBe(
    sizeBytes,
  );
  expect((await readFile(file)).equals(content)).toBe(true);
});

it('does not take a volume that is full for a complete write', async () => {
  // The kernel takes what still fits, without an error, and refuses the next byte.
  const full = {
    async write(_buffer: Buffer, _offset: number, length: number) {
      if (length <= 900) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      return { bytesWritten: length - 900 };
    },
  } as unknown as FileHandle;
  const writing = writePieces(full, 0, cut(randomBytes(1000), [1000]), async () => {});
  await expect(writing).rejects.toMatchObject({ code: 'ENOSPC' });
});

it('writes nothing that was refused', async () => {
  const refused = writePieces(handle, 0, cut(randomBytes(10), [10]), async () => {
    throw new Error('no room');
  });
  await expect(refused).rejects.toThrow('no room');
  expect((await readFile(file)).length).toBe(0);
});

it('writes at once what has come when an empty piece says so', async () => {
  const seen: number[] = [];
  const goOn = Promise.withResolvers<void>();
  const announced = Promise.withResolvers<void>();
  async function* content() {
    yield Buffer.from('abc');
    yield Buffer.alloc(0);
    await goOn.promise;
    yield Buffer.from('de');
  }
  const writing = writePieces(handle, 0, content(), async (bytes) => {
    seen.push(bytes);
    announced.resolve();
  });
  await announced.promise;
  expect(seen).toEqual([3]);
  goOn.resolve();
  expect(await writing).toBe(5);
  expect(await readFile(file, 'utf8')).toBe('abcde');
});
