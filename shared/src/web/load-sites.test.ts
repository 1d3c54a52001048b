// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSiteLoaders } from './load-sites.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'load-sites-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('reads what stands beside a bundle, with its compressed forms', async () => {
  await mkdir(join(folder, 'web'));
  const files = { 'index.html': '<html>', 'main-1.js': 'code', 'main-1.js.gz': 'g', 'main-1.js.br': 'b' };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, 'web', name), text);
  const { start, assets } = await createSiteLoaders(pathToFileURL(join(folder, 'main.js')).href).page();
  expect(start.content.toString()).toBe('<html>');
  expect([...assets.keys()]).toEqual(['main-1.js']);
  const main = assets.get('main-1.js');
  expect([main?.content, main?.gzip, main?.brotli].map(String)).toEqual(['code', 'g', 'b']);
});

it('tries again after a failure, and keeps what it has loaded', async () => {
  const { page: load } = createSiteLoaders(pathToFileURL(join(folder, 'main.js')).href);
  await expect(load()).rejects.toThrow('ENOENT');
  await mkdir(join(folder, 'web'));
  await expect(load()).rejects.toThrow('no index.html');
  await writeFile(join(folder, 'web', 'index.html'), '<html>');
  const page = await load();
  await rm(join(folder, 'web'), { recursive: true });
  expect(await load()).toBe(page);
});

it('keeps the manual apart from the page', async () => {
  const files = { 'web/index.html': 'page', 'manual/index.html': 'manual', 'manual/install.html': 'install' };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const load = createSiteLoaders(pathToFileURL(join(folder, 'main.js')).href);
  const [page, manual] = [await load.page(), await load.manual()];
  expect([page, manual].map(({ start }) => start.content.toString())).toEqual(['page', 'manual']);
  expect([page, manual].map(({ documents }) => [...documents.keys()])).toEqual([
    ['index.html'],
    ['index.html', 'install.html'],
  ]);
});
