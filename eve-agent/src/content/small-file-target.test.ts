// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSmallFileTarget } from './small-file-target.ts';
import { CONTENT, describeTargetContract, WANTED } from './target-contract.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'small-file-target-'));
  path = join(folder, 'a.img');
});
afterEach(() => rm(folder, { recursive: true }));

describeTargetContract(
  'that is a small file',
  async () => ({
    target: createSmallFileTarget(path, CONTENT.length),
    published: () => readFile(path).catch(() => null),
    isTidy: async () => (await readdir(folder)).every((name) => name === 'a.img'),
  }),
  false,
);

it.each([CONTENT.length - 1, 1, 0])('keeps %i bytes and no more', async (maxBytes) => {
  const target = await createSmallFileTarget(path, maxBytes).open();
  target.take(CONTENT.subarray(0, 3));
  target.take(CONTENT.subarray(3));
  expect(target.position).toBe(CONTENT.length);
  expect(await target.publish({ sizeBytes: null, digest: null })).toEqual({ kind: 'wrong-size' });
  await target.close();
});

it('writes through no link that lies where it works', async () => {
  const elsewhere = join(folder, 'elsewhere');
  await writeFile(elsewhere, 'of another');
  await symlink(elsewhere, join(folder, '.a.img.partial'));
  await symlink(elsewhere, path);
  const target = await createSmallFileTarget(path, CONTENT.length).open();
  target.take(CONTENT);
  await target.publish(WANTED);
  await target.close();
  expect(await readFile(elsewhere, 'utf8')).toBe('of another');
  expect(await readFile(path)).toEqual(CONTENT);
});
