// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareStorage } from './storage.ts';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'storage-')));
});
afterEach(() => rm(folder, { recursive: true }));

describe('prepareStorage', () => {
  it('makes both directories, with their parents', async () => {
    const wanted = { root: join(folder, 'a/b/root'), state: join(folder, 'c/state') };
    expect(await prepareStorage(wanted)).toEqual(wanted);
    expect(await prepareStorage(wanted)).toEqual(wanted);
  });

  it.each(['root/state', 'root'])('refuses a state directory that would be served: %s', async (state) => {
    const wanted = { root: join(folder, 'root'), state: join(folder, state) };
    await expect(prepareStorage(wanted)).rejects.toThrow('it would be served');
  });

  it('refuses a place below a dangling link, a place that cannot be made, and a file', async () => {
    await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
    await writeFile(join(folder, 'file'), '');
    for (const root of [join(folder, 'dangling/images'), '/proc/none', join(folder, 'file')]) {
      await expect(prepareStorage({ root, state: join(folder, 'state') })).rejects.toThrow('--root');
    }
  });
});
