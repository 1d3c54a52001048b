// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStatusFiles } from './status-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'status-files-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('status files', () => {
  it('are written later where the disk does not take them', async () => {
    const files = createStatusFiles(folder);
    expect(files.write('a', { State: 'INITIAL' })).toBe(true);
    // In the way of the next document.
    await mkdir(join(folder, '.a.new'));
    expect(files.write('a', { State: 'VERIFIED' })).toBe(true);
    expect(files.write('a', { State: 'VERIFIED' })).toBe(false);
    expect(files.flush()).toMatchObject({ code: 'EISDIR' });
    await rm(join(folder, '.a.new'), { recursive: true });
    expect(files.flush()).toBeNull();
    expect(JSON.parse(await readFile(join(folder, 'a.json'), 'utf8'))).toEqual({ State: 'VERIFIED' });
  });

  it('come back where their folder was removed, and share it with other folders', async () => {
    const place = join(folder, 'status');
    const files = createStatusFiles(place);
    files.write('a', {});
    await rm(place, { recursive: true });
    files.keepOnly(new Set(['a', 'b']));
    files.write('b', {});
    expect(files.flush()).toBeNull();
    expect(await readdir(place)).toEqual(['a.json', 'b.json']);
    await mkdir(join(place, 'lost+found'));
    files.keepOnly(new Set());
    expect(await readdir(place)).toEqual(['lost+found']);
  });

  it('are left as they are where an earlier run wrote the same', async () => {
    createStatusFiles(folder).write('a', { x: 1 });
    const { ino } = await stat(join(folder, 'a.json'));
    const files = createStatusFiles(folder);
    expect(files.write('a', { x: 1 })).toBe(true);
    expect((await stat(join(folder, 'a.json'))).ino).toBe(ino);
    files.write('a', { x: 2 });
    expect(JSON.parse(await readFile(join(folder, 'a.json'), 'utf8'))).toEqual({ x: 2 });
  });

  it('are written when they differ, and go with their key', async () => {
    await writeFile(join(folder, 'old.json'), '{}');
    const files = createStatusFiles(folder);
    expect([files.write('a', { x: 1 }), files.write('a', { x: 1 }), files.write('a', { x: 2 })]).toEqual([
      true,
      false,
      true,
    ]);
    files.write('b', {});
    files.keepOnly(new Set(['a']));
    expect(await readdir(folder)).toEqual(['a.json']);
    expect(JSON.parse(await readFile(join(folder, 'a.json'), 'utf8'))).toEqual({ x: 2 });
    files.remove('a');
    expect(await readdir(folder)).toEqual([]);
  });
});
