// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTagMemory, type TagMemory } from './tag-memory.ts';

let folder: string;
let nowMs = 1_000_000;
let memory: TagMemory;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tag-memory-'));
  nowMs = 1_000_000;
  memory = createTagMemory(join(folder, 'tags'), () => nowMs);
  await memory.open();
});
afterEach(() => rm(folder, { recursive: true }));

const [ONE, TWO] = [digestOfHex('1'.repeat(64)), digestOfHex('2'.repeat(128))];

it('knows what a tag led to last, and when, also after a restart', async () => {
  expect(await memory.find('ds.local/app', '1')).toBeNull();
  await memory.note('ds.local/app', '1', ONE);
  await memory.note('ds.local/app', 'latest', ONE);
  await memory.note('ds.local/other', '1', TWO);
  nowMs += 5;
  await memory.note('ds.local/app', 'latest', TWO);
  const again = createTagMemory(join(folder, 'tags'), () => nowMs);
  await again.open();
  expect(await again.find('ds.local/app', '1')).toEqual({ digest: ONE, atMs: 1_000_000 });
  expect(await again.find('ds.local/app', 'latest')).toEqual({ digest: TWO, atMs: 1_000_005 });
  expect(await again.find('ds.local/app', 'toString')).toBeNull();
});

it('writes what stays the same at most once a minute', async () => {
  await memory.note('a.local/a', '1', ONE);
  nowMs += 59_000;
  await memory.note('a.local/a', '1', ONE);
  expect((await memory.find('a.local/a', '1'))?.atMs).toBe(1_000_000);
  nowMs += 2000;
  await memory.note('a.local/a', '1', ONE);
  expect((await memory.find('a.local/a', '1'))?.atMs).toBe(nowMs);
});

it('remembers the last thousand tags of a repository', async () => {
  const [file] = await (async () => {
    await memory.note('a.local/a', 'new', ONE);
    return readdir(join(folder, 'tags'));
  })();
  const tags = Object.fromEntries(
    Array.from({ length: 1000 }, (_, i) => [`t${i}`, { digest: `sha256:${ONE.hex}`, atMs: i }]),
  );
  await writeFile(join(folder, 'tags', file ?? ''), JSON.stringify({ version: 1, name: 'a.local/a', tags }));
  await memory.note('a.local/a', 'another', TWO);
  expect(await memory.find('a.local/a', 't0')).toBeNull();
  expect(await memory.find('a.local/a', 't1')).not.toBeNull();
  expect(await memory.find('a.local/a', 'another')).not.toBeNull();
});

it.each(['', '{', '[]', '{"version":2}', JSON.stringify({ version: 1, name: 'b.local/b', tags: {} })])(
  'takes %j for nothing',
  async (text) => {
    await memory.note('a.local/a', '1', ONE);
    const [file = ''] = await readdir(join(folder, 'tags'));
    await writeFile(join(folder, 'tags', file), text);
    expect(await memory.find('a.local/a', '1')).toBeNull();
    await memory.note('a.local/a', '1', TWO);
    expect((await memory.find('a.local/a', '1'))?.digest).toEqual(TWO);
  },
);
