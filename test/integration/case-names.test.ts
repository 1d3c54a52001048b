// SPDX-License-Identifier: Apache-2.0
/** Names that differ in upper and lower case alone: every way in refuses the second by name; files that lie there are served. */
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf } from '../../datastore-app/src/formats/testing/container-archives.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  problemOf,
  UPLOADS,
} from '../lab/loopback-datastore.ts';

let place: DatastoreFolder;
beforeEach(async () => {
  place = await createDatastoreFolder();
});
afterEach(() => place.remove());

/** A tar with SHA256SUMS of images at these paths. */
async function bundleOf(...paths: string[]): Promise<Buffer> {
  const stick = join(place.folder, 'stick');
  await mkdir(join(stick, 'linux'), { recursive: true });
  for (const path of paths) await writeFile(join(stick, path), path);
  execFileSync('sh', ['-c', `sha256sum ${paths.join(' ')} >SHA256SUMS`], { cwd: stick });
  return execFileSync('tar', ['-cf', '-', 'SHA256SUMS', ...paths], { cwd: stick });
}
const tusHeaders = (path: string) => ({
  'Tus-Resumable': '1.0.0',
  'Upload-Length': '7',
  'Upload-Metadata': `path ${Buffer.from(path).toString('base64')}`,
});

it('the second is refused by every way in, and named', async () => {
  const datastore = await place.start();
  const put = (path: string, headers = {}) =>
    datastore.request('PUT', `/${path}`, { body: 'content', headers });
  expect((await put('linux/App.raw')).status).toBe(201);
  expect((await put('other.raw')).status).toBe(201);
  const digest = { 'x-checksum-sha256': digestOf('content').slice(7) };
  const rename = (image: string, to: string, dryRun: boolean) =>
    datastore.request('POST', '/-/api/v1/operations/rename', { body: JSON.stringify({ image, to, dryRun }) });
  const answers = [
    await put('linux/app.raw'),
    await put('LINUX/App.raw'),
    await datastore.request('POST', '/linux/app.raw', { body: 'content' }),
    await datastore.request('POST', UPLOADS, { headers: tusHeaders('linux/app.raw') }),
    await datastore.request('POST', '/-/api/v1/import', { body: await bundleOf('linux/app.raw') }),
    await datastore.request('POST', '/-/api/v1/operations/import?image=linux/app.raw', {
      ...{ body: 'content', headers: digest },
    }),
    await rename('other.raw', 'linux/app.raw', false),
    await rename('other.raw', 'linux/app.raw', true),
  ];
  for (const [index, { status, body }] of answers.entries()) {
    // To tus 409 means something else.
    expect([status, body.toString()]).toEqual([
      index === 3 ? 412 : 409,
      expect.stringContaining('linux/App.raw'),
    ]);
    expect(body.toString()).toContain('upper and lower case alone');
  }
  const both = await datastore.request('POST', '/-/api/v1/import', {
    body: await bundleOf('linux/b.raw', 'linux/B.raw'),
  });
  expect([both.status, both.body.toString()]).toEqual([409, expect.stringContaining('linux/B.raw')]);
  for (const file of ['linux/app.raw', 'LINUX/App.raw', 'linux/b.raw', 'linux/B.raw']) {
    expect((await datastore.get(`/${file}`)).status).toBe(404);
  }

  const added = join(place.folder, 'app.raw');
  await writeFile(added, 'content');
  const add = await place.run('images', 'add', added, '--to', 'linux');
  expect([add.exitCode, add.stderr]).toEqual([2, expect.stringContaining('linux/App.raw')]);
  expect(await place.incoming()).toEqual([]);

  // One of its own is replaced, and may change the case of its name; then the other name is free.
  expect((await put('linux/App.raw')).status).toBe(200);
  const renamed = await rename('linux/App.raw', 'linux/app.raw', false);
  expect([renamed.status, JSON.parse(renamed.body.toString())]).toMatchObject([200, { isDone: true }]);
  expect(problemOf(await put('linux/App.raw'))).toBe('NAME_CONFLICT');
  await datastore.request('DELETE', '/linux/app.raw');
  expect((await put('linux/App.raw')).status).toBe(201);
});

it('of two that come at the same time one is there', async () => {
  const datastore = await place.start();
  const names = ['app', 'App', 'APP', 'aPP'];
  const answers = await Promise.all(
    names.map((name) => datastore.request('PUT', `/${name}.raw`, { body: name })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  const { images } = (await datastore.json('/-/api/v1/images')) as { images: { path: string }[] };
  expect(images.length).toBe(1);
});

it('files that were put there by hand are served as they are, told of, and replaced by their own names', async () => {
  await place.put('linux/App.raw', 'one');
  await place.put('linux/app.raw', 'two');
  const datastore = await place.start();
  expect((await datastore.get('/linux/App.raw')).body.toString()).toBe('one');
  expect((await datastore.get('/linux/app.raw')).body.toString()).toBe('two');
  const { images } = (await datastore.json('/-/api/v1/images')) as { images: object[] };
  expect(images).toMatchObject([
    { path: 'linux/App.raw', caseTwin: 'linux/app.raw' },
    { path: 'linux/app.raw', caseTwin: 'linux/App.raw' },
  ]);
  const told = '/linux/App.raw, /linux/app.raw: these names differ in upper and lower case alone';
  expect(JSON.stringify(await datastore.json('/-/api/v1/status'))).toContain(told);
  expect(datastore.log()).toContain(told);
  const checked = await place.run('check', '--advertise', 'none');
  expect(checked.stdout).toContain(told);
  const listed = await place.run('images', 'list');
  expect(listed.stdout).toContain('linux/App.raw  (differs in case alone from linux/app.raw)');
  for (const path of ['linux/App.raw', 'linux/app.raw']) {
    expect((await datastore.request('PUT', `/${path}`, { body: 'three' })).status).toBe(200);
  }
  expect(problemOf(await datastore.request('PUT', '/linux/APP.raw', { body: 'x' }))).toBe('NAME_CONFLICT');
});
