// SPDX-License-Identifier: Apache-2.0
/** Names that are kept for the registry: no way in takes them, and what has them from before is told of. */
import { execFileSync } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, test } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
  UPLOADS,
} from '../lab/loopback-datastore.ts';

let folders: DatastoreFolder;
beforeEach(async () => {
  folders = await createDatastoreFolder();
});
afterEach(() => folders.remove());

/** A tar with SHA256SUMS of one image at this path. */
async function bundleOf(path: string): Promise<Buffer> {
  const stick = join(folders.folder, 'stick');
  await mkdir(dirname(join(stick, path)), { recursive: true });
  await writeFile(join(stick, path), 'content');
  execFileSync('sh', ['-c', `sha256sum ${path} >SHA256SUMS`], { cwd: stick });
  return execFileSync('tar', ['-cf', '-', 'SHA256SUMS', path], { cwd: stick });
}

const tusHeaders = (path: string) => ({
  'Tus-Resumable': '1.0.0',
  'Upload-Length': '7',
  'Upload-Metadata': `path ${Buffer.from(path).toString('base64')}`,
});

it.each(['v2', 'v2/library/a.img', 'token'])('no way in takes %s', async (path) => {
  const datastore = await folders.start();
  const bundle = await bundleOf(path);
  const answers = [
    await datastore.request('PUT', `/${path}`, { body: 'content' }),
    await datastore.request('PUT', `//${path.replace('2', '%32')}`, { body: 'content' }),
    await datastore.request('POST', `/${path}`, { body: 'content' }),
    await datastore.request('POST', UPLOADS, { headers: tusHeaders(path) }),
    await datastore.request('POST', '/-/api/v1/import', { body: bundle }),
  ];
  // At these two paths the registry answers itself where they are below its own.
  const answersItself = path.startsWith('v2');
  for (const [index, { status, body }] of answers.entries()) {
    if (answersItself && (index === 0 || index === 2)) {
      expect([status, body.toString()]).toEqual([
        path === 'v2' ? 405 : 404,
        expect.stringContaining('UNSUPPORTED'),
      ]);
      continue;
    }
    expect([status, body.toString()]).toEqual([400, expect.stringContaining('NAME_RESERVED')]);
    expect(body.toString()).toContain('kept for the registry');
  }

  const tarFile = join(folders.folder, 'stick.tar');
  await writeFile(tarFile, bundle);
  const file = join(folders.folder, path.split('/').at(-1) ?? '');
  await writeFile(file, 'content');
  const to = path.includes('/') ? ['--to', 'v2/library'] : [];
  for (const command of [
    ['images', 'import', tarFile],
    ['images', 'add', file, ...to],
  ]) {
    const { exitCode, stderr } = await folders.run(...command);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('kept for the registry')]);
  }
  expect((await datastore.json('/-/api/v1/images')).images).toEqual([]);
});

/** What stands there from before an update, and how a person hears of it. */
test('images that are there are told of, and moved away', async () => {
  await folders.put('v2/old.img', 'old');
  await folders.put('token', 'old token');
  await folders.put('a.img', 'a');
  const told = expect.stringMatching(/^\/token, \/v2\/old\.img: .*move them/);

  const checked = await folders.run('check', '--advertise', 'none', '--port', '0', '--json');
  expect(JSON.parse(checked.stdout).problems).toContainEqual({ severity: 'warning', message: told });
  expect(checked.exitCode).toBe(0);

  const datastore: LoopbackDatastore = await folders.start();
  expect(datastore.log()).toContain('/token, /v2/old.img: ');
  expect(await datastore.json('/-/readyz')).toEqual({ status: 'ok', warnings: [told] });
  expect((await datastore.json('/-/api/v1/status')).warnings).toEqual([told]);

  // The registry answers below its own path, in its own form.
  const shadowed = await datastore.get('/v2/old.img');
  expect([shadowed.status, shadowed.body.toString()]).toEqual([404, expect.stringContaining('"errors"')]);
  expect((await datastore.get('/token')).body.toString()).toBe('old token');
  expect(problemOf(await datastore.request('PUT', '/token', { body: 'new' }))).toBe('NAME_RESERVED');

  expect((await datastore.request('DELETE', '/token')).status).toBe(204);
  await rename(join(folders.root, 'v2/old.img'), join(folders.root, 'old.img'));
  await expect.poll(() => datastore.json('/-/readyz'), { interval: 500 }).toEqual({ status: 'ok' });
});
