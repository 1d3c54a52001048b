// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { digestInputs, INPUTS_FILE, isBuilt } from './build-inputs.ts';

let workspace: string;

beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'build-inputs-'));
  await mkdir(join(workspace, 'src'));
  await mkdir(join(workspace, 'dist'));
  await writeFile(join(workspace, 'src/main.ts'), 'one');
  const digests = await digestInputs(workspace, ['src/main.ts']);
  await writeFile(join(workspace, 'dist', INPUTS_FILE), JSON.stringify(digests));
});
afterEach(() => rm(workspace, { recursive: true, force: true }));

test('bundles of the sources as they are count as built', async () => {
  expect(await isBuilt(workspace)).toBe(true);
});

test.each([
  ['a source that changed', () => writeFile(join(workspace, 'src/main.ts'), 'two')],
  ['a source that is gone', () => rm(join(workspace, 'src/main.ts'))],
  ['other versions of dependencies', () => writeFile(join(workspace, 'package-lock.json'), '{}')],
  ['no record', () => rm(join(workspace, 'dist', INPUTS_FILE))],
])('%s: not built', async (_, change) => {
  await change();
  expect(await isBuilt(workspace)).toBe(false);
});
