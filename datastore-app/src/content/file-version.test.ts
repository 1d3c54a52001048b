// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type FileVersion,
  isSameButChangeTime,
  isSameVersion,
  modifiedAt,
  versionOf,
} from './file-version.ts';

const LONG_AGO = new Date('2026-02-03T04:05:06Z');

let folder: string;
let file: string;
const inFolder = (name: string) => join(folder, name);
const versionNow = async (): Promise<FileVersion> => versionOf(await fs.stat(file, { bigint: true }));

/** Writes a file with a time of long ago. */
async function make(name: string, content: string): Promise<void> {
  await fs.writeFile(inFolder(name), content);
  await fs.utimes(inFolder(name), LONG_AGO, LONG_AGO);
}

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'file-version-'));
  file = inFolder('a.img');
  await make('a.img', 'one');
});
afterEach(() => fs.rm(folder, { recursive: true }));

it.each<[string, () => Promise<unknown>]>([
  ['written in place, and the time put back', () => make('a.img', 'two')],
  [
    'replaced by another of the same size and time',
    async () => {
      await make('other', 'two');
      await fs.rename(inFolder('other'), file);
    },
  ],
  [
    'removed and made again, by the same inode where the file system gives it again',
    async () => {
      await fs.rm(file);
      await make('a.img', 'two');
    },
  ],
  [
    'copied over with its times',
    async () => {
      await make('other', 'two');
      await fs.copyFile(inFolder('other'), file);
      await fs.utimes(file, LONG_AGO, LONG_AGO);
    },
  ],
  [
    'written to by a second name',
    async () => {
      await fs.link(file, inFolder('second'));
      await make('second', 'two');
    },
  ],
  [
    'written to by way of a descriptor that was open before',
    async () => {
      const handle = await fs.open(file, 'r+');
      await handle.write('two', 0);
      await handle.utimes(LONG_AGO, LONG_AGO);
      await handle.close();
    },
  ],
  [
    'set to a time in the future and back',
    async () => {
      await fs.utimes(file, LONG_AGO, new Date('2100-01-01T00:00:00Z'));
      await fs.writeFile(file, 'two');
      await fs.utimes(file, LONG_AGO, LONG_AGO);
    },
  ],
  ['given another mode: its content need not be another, but may be', () => fs.chmod(file, 0o600)],
  ['given a second name', () => fs.link(file, inFolder('second'))],
])('is another version when a file is %s', async (_what, change) => {
  const before = await versionNow();
  // The kernel's clock goes in steps: what happens within one has the same time.
  await expect
    .poll(async () => {
      await fs.rm(inFolder('second'), { force: true });
      await change();
      return isSameVersion(await versionNow(), before);
    })
    .toBe(false);
  const { sizeBytes, mtimeNs } = await versionNow();
  expect({ sizeBytes, mtimeNs }).toEqual({ sizeBytes: before.sizeBytes, mtimeNs: before.mtimeNs });
});

it('is the same version as long as a file is only read', async () => {
  const before = await versionNow();
  await fs.readFile(file);
  expect(isSameVersion(await versionNow(), before)).toBe(true);
});

it.each([
  ['sizeBytes', { sizeBytes: 4 }, false],
  ['mtimeNs', { mtimeNs: 0n }, false],
  ['ctimeNs', { ctimeNs: 0n }, true],
  ['inode', { inode: 0n }, false],
  ['device', { device: 0n }, false],
])('tells versions apart by %s', async (_field, change, isSameOtherwise) => {
  const version = await versionNow();
  expect(isSameVersion({ ...version, ...change }, version)).toBe(false);
  expect(isSameButChangeTime({ ...version, ...change }, version)).toBe(isSameOtherwise);
});

it('cuts a time that no Date can say', async () => {
  const version = await versionNow();
  expect(modifiedAt(version)).toEqual(LONG_AGO);
  expect(modifiedAt({ ...version, mtimeNs: 10n ** 22n }).getTime()).toBe(8_640_000_000_000_000);
  expect(modifiedAt({ ...version, mtimeNs: -(10n ** 22n) }).getTime()).toBe(-8_640_000_000_000_000);
});
