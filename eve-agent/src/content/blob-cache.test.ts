import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createBlobCache } from './blob-cache.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blob-cache-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const hexOf = (digit: string) => digit.repeat(64);

it.each([
  [300, [], ['1', '2', '3']],
  [299, [], ['2', '3']],
  [100, [], ['3']],
  [0, [], []],
  [100, ['1'], ['1']],
  [200, ['1'], ['1', '3']],
])(
  'keeps %i bytes of three hundred, what was asked for last, and %j whatever happens',
  async (maxBytes, kept, left) => {
    const cache = createBlobCache(folder, maxBytes);
    await cache.open();
    for (const [i, digit] of ['1', '2', '3'].entries()) {
      await writeFile(cache.pathOf(hexOf(digit)), 'x'.repeat(100));
      await utimes(cache.pathOf(hexOf(digit)), i + 1, i + 1);
    }
    await writeFile(cache.pathOf(`.${hexOf('4')}.partial`), 'on its way');
    await cache.trim((hex) => kept.includes(hex[0] ?? ''));
    const names = await readdir(join(folder, 'blobs', 'sha256'));
    expect(names.filter((name) => !name.startsWith('.')).sort()).toEqual(left.map(hexOf));
    expect(names).toContain(`.${hexOf('4')}.partial`);
  },
);

it('counts what is found as asked for', async () => {
  const cache = createBlobCache(folder, 100);
  await cache.open();
  for (const digit of ['1', '2']) {
    await writeFile(cache.pathOf(hexOf(digit)), 'x'.repeat(100));
    await utimes(cache.pathOf(hexOf(digit)), Number(digit), Number(digit));
  }
  expect(await cache.find(hexOf('1'))).toEqual({ sizeBytes: 100 });
  expect(await cache.find(hexOf('3'))).toBeNull();
  await cache.trim(() => false);
  expect(await readdir(join(folder, 'blobs', 'sha256'))).toEqual([hexOf('1')]);
});
