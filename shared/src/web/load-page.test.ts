// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createPageLoader } from './load-page.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'load-page-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('reads what stands beside a bundle, with its compressed forms', async () => {
  await mkdir(join(folder, 'web'));
  const files = { 'index.html': '<html>', 'main-1.js': 'code', 'main-1.js.gz': 'g', 'main-1.js.br': 'b' };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, 'web', name), text);
  const { html, assets } = await createPageLoader(pathToFileURL(join(folder, 'main.js')).href)();
  expect(html.content.toString()).toBe('<html>');
  expect([...assets.keys()]).toEqual(['main-1.js']);
  const main = assets.get('main-1.js');
  expect([main?.content, main?.gzip, main?.brotli].map(String)).toEqual(['code', 'g', 'b']);
});

it('tries again after a failure, and keeps what it has loaded', async () => {
  const load = createPageLoader(pathToFileURL(join(folder, 'main.js')).href);
  await expect(load()).rejects.toThrow('ENOENT');
  await mkdir(join(folder, 'web'));
  await expect(load()).rejects.toThrow('no index.html');
  await writeFile(join(folder, 'web', 'index.html'), '<html>');
  const page = await load();
  await rm(join(folder, 'web'), { recursive: true });
  expect(await load()).toBe(page);
});
