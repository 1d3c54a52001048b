// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createImageOpener } from '../images/open-image.ts';
import { followContent } from './follow-content.ts';

const LONG_AGO = new Date('2026-02-03T04:05:06Z');

let root: string;
let file: string;
let fd: number;
let isUnchanged: () => boolean;

beforeEach(async () => {
  root = await fs.realpath(await fs.mkdtemp(join(tmpdir(), 'follow-content-')));
  file = join(root, 'a.img');
  await fs.writeFile(file, 'one');
  await fs.utimes(file, LONG_AGO, LONG_AGO);
  const image = createImageOpener(root)('a.img');
  if (image === undefined) throw new Error('the image is not there');
  fd = image.fd;
  isUnchanged = followContent(image);
});
afterEach(async () => {
  closeSync(fd);
  await fs.rm(root, { recursive: true });
});

it.each<[string, () => Promise<unknown>]>([
  ['removed', () => fs.rm(file)],
  [
    'replaced',
    async () => {
      await fs.writeFile(join(root, 'b.img'), 'two');
      await fs.rename(join(root, 'b.img'), file);
    },
  ],
  ['renamed', () => fs.rename(file, join(root, 'b.img'))],
  ['given a second name', () => fs.link(file, join(root, 'b.img'))],
  ['given another mode', () => fs.chmod(file, 0o600)],
  [
    'set aside and removed, as a bundle replaces it',
    async () => {
      await fs.link(file, join(root, 'b.img'));
      expect(isUnchanged()).toBe(true);
      await fs.rm(file);
      await fs.rm(join(root, 'b.img'));
    },
  ],
])('takes content for the same whose file is %s', async (_what, change) => {
  expect(isUnchanged()).toBe(true);
  await change();
  expect([isUnchanged(), isUnchanged()]).toEqual([true, true]);
});

it.each<[string, () => Promise<unknown>]>([
  ['longer', () => fs.appendFile(file, 'more')],
  ['shorter', () => fs.truncate(file, 1)],
  ['written to', () => fs.writeFile(file, 'two')],
  [
    'written to, and its time put back',
    async () => {
      await fs.writeFile(file, 'two');
      await fs.utimes(file, LONG_AGO, LONG_AGO);
    },
  ],
])('notices that a file is %s', async (_what, change) => {
  // The kernel's clock goes in steps: what happens within one has the same time.
  await expect
    .poll(async () => {
      await change();
      return isUnchanged();
    })
    .toBe(false);
});
