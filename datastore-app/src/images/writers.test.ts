// SPDX-License-Identifier: Apache-2.0
import { link, mkdir, mkdtemp, open, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FileVersion, versionOf } from '../content/file-version.ts';
import { createWriterSearch } from './writers.ts';

let folder: string;
let file: string;
let version: FileVersion;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'writers-'));
  file = join(folder, 'a.img');
  await writeFile(file, 'content');
  version = versionOf(await stat(file, { bigint: true }));
});
afterEach(() => rm(folder, { recursive: true }));

const look = async (options: Partial<Parameters<typeof createWriterSearch>[0]> = {}) =>
  (await createWriterSearch({ isLocal: true, ...options })([version]))?.of(version);

it.each(['r+', 'a', 'w', 'a+'])('sees who has a file open as %s, until it is closed', async (flags) => {
  const handle = await open(file, flags);
  expect(await look()).toBe('open');
  expect(await look({ isLocal: false })).toBe('open');
  await handle.close();
  expect(await look()).not.toBe('open');
});

it('sees a writer by another name of the file, and no reader', async () => {
  const second = join(folder, 'second');
  await link(file, second);
  const reader = await open(file, 'r');
  expect(await look()).not.toBe('open');
  const writer = await open(second, 'r+');
  expect(await look()).toBe('open');
  await writer.close();
  await reader.close();
});

it('is sure of nothing where others than the processes of this machine may write', async () => {
  expect(await look({ isLocal: false })).toBe('unseen');
});

/** A `/proc` with one process, whose descriptor 3 is the file. */
async function makeProc({ namespace = 'pid:[4026531836]', info = '', target = file } = {}): Promise<string> {
  const proc = join(folder, 'proc');
  await mkdir(join(proc, 'self/ns'), { recursive: true });
  await symlink(namespace, join(proc, 'self/ns/pid'));
  await mkdir(join(proc, '42/fd'), { recursive: true });
  await mkdir(join(proc, '42/fdinfo'));
  await writeFile(join(proc, '42/fdinfo/3'), info);
  await symlink(target, join(proc, '42/fd/3'));
  return proc;
}

it.each<[string, { info?: string; target?: string }, boolean]>([
  ['only for writing, by inode', { info: 'pos:\t0\nflags:\t0100001\nmnt_id:\t1\nino:\tINODE\n' }, true],
  ['for both, of a Linux that names no inode', { info: 'pos:\t0\nflags:\t0100002\n' }, true],
  ['for reading', { info: 'flags:\t0100000\nino:\tINODE\n' }, false],
  ['for writing, of another inode', { info: 'flags:\t0100001\nino:\t1\n' }, false],
  ['for writing, a device', { info: 'flags:\t0100001\n', target: '/dev/null' }, false],
  ['for writing, a socket', { info: 'flags:\t02\n', target: 'socket:[1]' }, false],
  ['for writing, what is gone', { info: 'flags:\t02\n', target: '/absent' }, false],
  ['in a way that is not said', { info: '' }, false],
])('reads of a descriptor that it is open %s', async (_what, { info = '', target }, isOpen) => {
  const proc = await makeProc({
    info: info.replace('INODE', String(version.inode)),
    ...(target !== undefined && { target }),
  });
  expect((await look({ proc })) === 'open').toBe(isOpen);
});

it('is sure only in the first process namespace', async () => {
  const isRoot = process.geteuid?.() === 0;
  expect(await look({ proc: await makeProc() })).toBe(isRoot ? 'none' : 'unseen');
  await rm(join(folder, 'proc'), { recursive: true });
  expect(await look({ proc: await makeProc({ namespace: 'pid:[4026532999]' }) })).toBe('unseen');
});

it('does not look again before that costs little', async () => {
  let elapsedMs = 0;
  let spentMs = 0;
  const search = createWriterSearch({
    ...{ proc: await makeProc(), isLocal: true },
    elapsed: () => elapsedMs,
    // It takes ten milliseconds.
    spent: () => {
      spentMs += 10;
      return spentMs;
    },
  });
  expect(await search([version])).toBeDefined();
  elapsedMs += 499;
  expect(await search([version])).toBeUndefined();
  elapsedMs += 1;
  expect(await search([version])).toBeDefined();
});
