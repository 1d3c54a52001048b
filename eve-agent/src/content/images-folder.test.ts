// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { imagesFolderOf } from './images-folder.ts';

let folder: string;
let state: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'images-folder-'));
  state = join(folder, 'state');
  await mkdir(state);
  await symlink('state', join(folder, 'link'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

it('is images below the state directory', () => {
  expect(imagesFolderOf(state, undefined)).toBe(join(state, 'images'));
});

it.each(['state/images', 'state/other/deep', 'elsewhere', 'state-2', 'link/images', '.'])(
  'may be %s',
  (path) => {
    expect(imagesFolderOf(state, join(folder, path))).toBe(join(folder, path));
  },
);

it.each([
  'state',
  'state/',
  'state/pending',
  'state/verified/',
  'state/status/ContentTreeStatus',
  'link/status',
])('must not be %s, where the service keeps files of its own', (path) => {
  expect(() => imagesFolderOf(state, join(folder, path))).toThrow(ConfigurationError);
});
