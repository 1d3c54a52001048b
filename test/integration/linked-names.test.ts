// SPDX-License-Identifier: Apache-2.0
/** Links and names that look alike: what is served is listed, and the other way round. */
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { readDatastoreJson } from '../lab/printed-json.ts';

const COMPOSED = 'caf\u00e9.img';
const DECOMPOSED = 'cafe\u0301.img';

let place: DatastoreFolder;
let server: LoopbackDatastore;
beforeAll(async () => {
  place = await createDatastoreFolder();
  await place.put('sub/a.img', 'content');
  await place.put(COMPOSED, 'composed');
  await place.put(DECOMPOSED, 'decomposed');
  await symlink('sub/a.img', join(place.root, 'alias.img'));
  await symlink('sub', join(place.root, 'folder'));
  await symlink('..', join(place.root, 'sub/up'));
  server = await place.start();
});
afterAll(() => place.remove());

interface Listed {
  readonly path: string;
  readonly sha256: string | null;
  readonly linkTo?: string;
  readonly nameForm?: string;
}
const EXPECTED = [
  { path: 'alias.img', linkTo: 'sub/a.img' },
  { path: DECOMPOSED, nameForm: 'decomposed' },
  { path: COMPOSED, nameForm: 'composed' },
  { path: 'folder/a.img', linkTo: 'sub/a.img' },
  { path: 'sub/a.img' },
];
const namesOf = (images: readonly Listed[]) =>
  images.map(({ path, linkTo, nameForm }) => ({ path, linkTo, nameForm }));

it('lists in API and on the command line what is served, and serves what it lists', async () => {
  const list = async () => (await server.json('/-/api/v1/images')).images as Listed[];
  await expect.poll(async () => (await list()).every(({ sha256 }) => sha256 !== null)).toBe(true);
  expect(namesOf(await list())).toEqual(EXPECTED);
  for (const image of await list()) {
    const path = encodeURI(image.path);
    expect((await server.get(`/${path}`)).headers.etag).toBe(`"sha256:${image.sha256}"`);
    expect(await server.json(`/-/api/v1/images/${path}`)).toMatchObject({ sha256: image.sha256 });
    expect((await server.get(`/-/api/v1/eve/${path}`)).status).toBe(200);
  }
  const { stdout } = await place.run('images', 'list', '--json');
  expect(namesOf(readDatastoreJson(['images', 'list'], stdout).images)).toEqual(EXPECTED);
  const { stdout: text } = await place.run('images', 'list');
  expect(text).toContain('alias.img  -> sub/a.img\n');
  expect(text).toContain(`${DECOMPOSED}  (another name looks the same: this one is decomposed)\n`);
});

it('removes a link by DELETE, and not the image', async () => {
  expect((await server.request('DELETE', '/alias.img')).status).toBe(204);
  expect((await server.get('/alias.img')).status).toBe(404);
  expect((await server.get('/sub/a.img')).body.toString()).toBe('content');
});
