// SPDX-License-Identifier: Apache-2.0
/** What is at which path of the datastore, and what at none. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  MODIFIED,
} from '../lab/loopback-datastore.ts';
import { expectProblem, sha256Of, untilHashed } from './followed-downloads.ts';

const SMALL = randomBytes(65_537);
const LARGE = randomBytes(3 * 1024 * 1024 + 17);

let place: DatastoreFolder;
let server: LoopbackDatastore;

beforeAll(async () => {
  place = await createDatastoreFolder();
  await place.put('images/small.img', SMALL);
  await place.put('images/large.img', LARGE);
  await place.put('page.html', '<script>alert(1)</script>');
  await place.put('empty.img', '');
  server = await place.start();
  await untilHashed(server, '/images/small.img', SMALL);
});

afterAll(() => place.remove());

describe('never serves', () => {
  beforeAll(async () => {
    await writeFile(join(place.folder, 'secret'), 'top secret');
    await mkdir(join(place.root, 'lost+found'));
    await place.put('lost+found/inode', 'top secret');
    await place.put('.partial', 'top secret');
    await mkdir(join(place.root, 'sub', '.git'), { recursive: true });
    await place.put('sub/.git/config', 'top secret');
    await symlink('../secret', join(place.root, 'link'));
    await symlink('..', join(place.root, 'up'));
    await symlink('.partial', join(place.root, 'to-hidden'));
    expect(spawnSync('mkfifo', [join(place.root, 'fifo')]).status).toBe(0);
  });

  it.each([
    '/../secret',
    '/images/../../secret',
    '/%2e%2e/secret',
    '/..%2fsecret',
    '/%2e%2e%2fsecret',
    '/..%5csecret',
    '/..\\secret',
    '/%252e%252e/secret',
    '/..;/secret',
    '/images/%00',
    '/%ff',
    '/%',
    '/link',
    '/up/secret',
    '/to-hidden',
    '/.partial',
    '/%2epartial',
    '/sub/.git/config',
    '/lost+found/inode',
    '/lost%2bfound/inode',
    '/fifo',
    '/sub',
    '/sub/',
    '/page.html/',
    '/absent',
    `/${'long'.repeat(100)}`,
  ])('%s', async (path) => {
    const answer = await server.get(path);
    expect(answer.status).toBe(404);
    expectProblem(answer, 404);
    expect(answer.body.toString()).not.toContain('top secret');
    expect(answer.headers.location).toBeUndefined();
  });

  it('anything of it in the list', async () => {
    const { images } = JSON.parse((await server.get('/-/api/v1/images')).body.toString());
    expect(images.map(({ path }: { path: string }) => path)).toEqual([
      'empty.img',
      'images/large.img',
      'images/small.img',
      'page.html',
    ]);
  });
});

it.each(['PATCH', 'OPTIONS'])('does not take %s for an image', async (method) => {
  const answer = await server.get('/images/small.img', {}, method);
  expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD, PUT, POST, DELETE']);
  expectProblem(answer, 405);
});

it.each(['/', '/-/api/v1/images', '/-/livez', '/images/small.img'])(
  'changes nothing at %s without the write token',
  async (path) => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const answer = await server.get(path, {}, method);
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="local-datastore"');
      expectProblem(answer, 401);
    }
    expect((await server.get('/images/small.img')).body.equals(SMALL)).toBe(true);
  },
);

it('describes itself below /-/', async () => {
  const image = await server.get('/-/api/v1/images/images/small.img');
  expect(JSON.parse(image.body.toString())).toMatchObject({
    path: 'images/small.img',
    sizeBytes: SMALL.length,
    sha256: sha256Of(SMALL).toString('hex'),
    state: 'ready',
    format: 'raw',
    virtualSizeBytes: SMALL.length,
    modified: MODIFIED.toISOString(),
  });
  expectProblem(await server.get('/-/api/v1/images/absent'), 404);
  expectProblem(await server.get('/-/absent'), 404);
  expect((await server.get('/-/')).body.toString()).toContain('/-/api/v1/images');
  expect((await server.get('/-/livez')).status).toBe(200);
  expect((await server.get('/-/readyz')).status).toBe(200);
  expect((await server.get('/-/api/v1/status')).status).toBe(200);
  expect((await server.get('/')).headers['x-powered-by']).toBeUndefined();
});
