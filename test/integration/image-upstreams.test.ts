// SPDX-License-Identifier: Apache-2.0
/** Images that come from elsewhere when they are asked for: the real program, on loopback. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failureSchema } from '@local-datastore/shared/command-line/output-schema';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type FileServer,
  sha256Of,
  startFileServer,
} from '../../datastore-app/src/upstream/images/testing/file-server.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
} from '../lab/loopback-datastore.ts';
import { readDatastoreJson } from '../lab/printed-json.ts';

const MIB = 1024 * 1024;

let server: FileServer;
let places: DatastoreFolder[];
beforeEach(async () => {
  server = await startFileServer();
  places = [];
});
afterEach(async () => {
  for (const place of places) await place.remove();
  await server.stop();
});

async function newPlace(images?: string): Promise<DatastoreFolder> {
  const place = await createDatastoreFolder();
  places.push(place);
  await mkdir(place.state, { mode: 0o700 });
  await mkdir(place.root);
  if (images !== undefined) {
    await writeFile(join(place.state, 'upstreams.yaml'), `version: 1\nimages:\n  - ${images}\n`);
  }
  return place;
}
const imageOf = async (datastore: LoopbackDatastore, path: string) =>
  (await datastore.json(`/-/api/v1/images/${path}`)) as {
    state: string;
    sha256: string;
    upstream?: { receivedBytes: number | null; reason: string | null };
  };
const stateOf = async (datastore: LoopbackDatastore, path: string) => (await imageOf(datastore, path)).state;

it('another datastore: what it has is shown, and comes when it is asked for', async () => {
  const there = await newPlace();
  const [disk, tool] = [randomBytes(2 * MIB), randomBytes(500)];
  await there.put('linux/disk.qcow2', disk);
  await there.put('tool.iso', tool);
  const upstream = await there.start();
  await expect.poll(() => stateOf(upstream, 'tool.iso')).toBe('ready');
  await expect.poll(() => stateOf(upstream, 'linux/disk.qcow2')).toBe('ready');
  const here = await newPlace(`{ prefix: hub, url: "${upstream.url}", allow: ["linux/**"] }`);
  const datastore = await here.start();
  await expect.poll(() => stateOf(datastore, 'hub/linux/disk.qcow2')).toBe('upstream');
  expect(await imageOf(datastore, 'hub/linux/disk.qcow2')).toMatchObject({
    ...{ sizeBytes: disk.length, sha256: sha256Of(disk), format: 'raw', warnings: [] },
    upstream: { receivedBytes: null, reason: null },
  });
  const eve = await datastore.json('/-/api/v1/eve/hub/linux/disk.qcow2');
  expect(eve).toMatchObject({
    content: { sha256: sha256Of(disk), maxSizeBytes: disk.length },
    warnings: expect.arrayContaining([expect.objectContaining({ code: 'NOT_HERE_YET' })]),
  });
  const before = (await datastore.get('/-/api/v1/images')).headers.etag;
  expect((await datastore.get('/hub/linux/disk.qcow2')).body.equals(disk)).toBe(true);
  await expect.poll(() => stateOf(datastore, 'hub/linux/disk.qcow2')).toBe('ready');
  expect((await datastore.get('/-/api/v1/images')).headers.etag).not.toBe(before);
  expect((await datastore.get('/hub/tool.iso')).status).toBe(404);
  await upstream.stop();
  expect((await datastore.get('/hub/linux/disk.qcow2')).body.equals(disk)).toBe(true);
  const metrics = (await datastore.get('/-/metrics')).body.toString();
  expect(metrics).toContain(`datastore_images_fetched_bytes_total ${disk.length}`);
  expect(metrics).toMatch(/datastore_image_upstream_up\{upstream="hub \(http:[^"]+\)"\} 1/);
});

it('goes on after kill -9 in the middle, and brings no byte twice', async () => {
  const content = randomBytes(8 * MIB);
  server.files.set('/disk.img', content);
  server.files.set('/SHA256SUMS', server.checksums('/', 'disk.img'));
  server.answers.push((request, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 3 * MIB));
    request.once('close', () => response.destroy());
  });
  const place = await newPlace(`{ url: "${server.origin}" }`);
  let datastore = await place.start();
  const cut = datastore.get('/disk.img').catch((error: Error) => error);
  await expect.poll(async () => (await imageOf(datastore, 'disk.img')).upstream?.receivedBytes).toBe(3 * MIB);
  await datastore.kill();
  await cut;
  expect(await readdir(place.root)).not.toContain('disk.img');
  datastore = await place.start();
  expect((await datastore.get('/disk.img')).body.equals(content)).toBe(true);
  expect(server.requests.filter((each) => each.startsWith('GET /disk.img'))).toEqual([
    'GET /disk.img',
    `GET /disk.img bytes=${3 * MIB}-`,
  ]);
  expect(server.sentBytes()).toBe(content.length);
  await expect.poll(() => place.incoming()).toEqual([]);
});

it('an entry that is only a reference: a manifest on this machine, read again when it changes', async () => {
  const content = randomBytes(70_000);
  server.files.set('/somewhere/else', content);
  const place = await newPlace('{ list: external.yaml, check: 1s }');
  const entry = (path: string, url: string) =>
    `  - { path: ${path}, sizeBytes: ${content.length}, sha256: ${sha256Of(content)}, url: "${url}", format: qcow2 }\n`;
  const manifest = join(place.state, 'external.yaml');
  await writeFile(
    manifest,
    `version: 1\nimages:\n${entry('a/first.img', `${server.origin}/somewhere/else`)}`,
  );
  const datastore = await place.start();
  await expect.poll(() => stateOf(datastore, 'a/first.img')).toBe('upstream');
  expect((await datastore.get('/a/first.img')).body.equals(content)).toBe(true);
  await writeFile(manifest, `version: 1\nimages:\n${entry('second.img', `${server.origin}/gone`)}`);
  await expect.poll(() => stateOf(datastore, 'second.img')).toBe('upstream');
  // The same content is here.
  expect((await datastore.get('/second.img')).body.equals(content)).toBe(true);
  expect(server.requests).toEqual(['GET /somewhere/else']);
});

it('commands: fetch, and what can come', async () => {
  const content = randomBytes(3 * MIB);
  server.files.set('/linux/disk.img', content);
  server.files.set('/linux/b.img', randomBytes(10));
  server.files.set('/SHA256SUMS', server.checksums('/', 'linux/disk.img', 'linux/b.img'));
  const place = await newPlace(`{ prefix: hub, url: "${server.origin}" }`);
  const datastore = await place.start();
  await expect.poll(() => stateOf(datastore, 'hub/linux/b.img')).toBe('upstream');
  const run = (...args: string[]) =>
    place.runPlain('images', ...args, '--state', place.state, '--url', datastore.url);
  const fetched = await run('fetch', 'hub/linux/disk.img');
  expect([fetched.exitCode, fetched.stdout]).toEqual([
    0,
    `${sha256Of(content)}  ${content.length}  /hub/linux/disk.img\n`,
  ]);
  expect(await readFile(join(place.root, 'hub/linux/disk.img'))).toEqual(content);
  expect(await datastore.json('/-/api/v1/changes')).toMatchObject({
    changes: [{ action: 'fetched', image: 'hub/linux/disk.img', by: 'admin', via: 'api' }],
  });
  const again = await run('fetch', '/hub/linux/disk.img', '--json');
  expect(readDatastoreJson(['images', 'fetch'], again.stdout)).toEqual({
    images: [{ path: 'hub/linux/disk.img', sizeBytes: content.length, sha256: sha256Of(content) }],
  });
  const listed = await run('upstreams', '--list', '--json');
  expect(readDatastoreJson(['images', 'upstreams'], listed.stdout)).toMatchObject({
    upstreams: [{ prefix: 'hub', state: 'reachable', images: 2 }],
    images: [{ path: 'hub/linux/b.img', state: 'upstream' }],
  });
  server.files.set('/new.img', content);
  server.files.set('/SHA256SUMS', server.checksums('/', 'linux/b.img', 'new.img'));
  expect((await run('upstreams', '--check', '--list')).stdout).toContain('  /hub/new.img\n');
  const none = await run('fetch', 'hub/none.img');
  expect([none.exitCode, none.stderr]).toEqual([
    2,
    expect.stringContaining('There is no image at this path'),
  ]);
  const told = await run('fetch', 'hub/none.img', '--json');
  expect([told.exitCode, told.stdout, failureSchema.parse(JSON.parse(told.stderr)).error.message]).toEqual([
    2,
    '',
    expect.stringContaining('There is no image at this path'),
  ]);
  expect((await run('fetch', '../x')).exitCode).toBe(2);
  server.files.delete('/linux/b.img');
  const gone = await run('fetch', 'hub/linux/b.img');
  expect([gone.exitCode, gone.stderr]).toEqual([4, expect.stringContaining('has no image linux/b.img')]);
});

it('who may not read may not make one come, and who may not write cannot order it', async () => {
  server.files.set('/a.img', randomBytes(10));
  server.files.set('/SHA256SUMS', server.checksums('/', 'a.img'));
  const place = await newPlace(`{ url: "${server.origin}" }`);
  const datastore = await place.start('--read-password', 'password-for-reading');
  const statuses = [
    await datastore.get('/a.img'),
    await datastore.request('POST', '/-/api/v1/fetch/a.img', { withToken: false }),
    await datastore.get('/-/api/v1/upstreams'),
  ].map(({ status }) => status);
  expect(statuses).toEqual([401, 401, 401]);
  expect(server.requests.filter((each) => each === 'GET /a.img')).toEqual([]);
  const basic = { authorization: `Basic ${Buffer.from('eve:password-for-reading').toString('base64')}` };
  expect((await datastore.get('/a.img', basic)).status).toBe(200);
});

it('an upstream that is away changes nothing for what is here, and is named for what is not', async () => {
  const { origin } = server;
  await server.stop();
  const place = await newPlace(`{ url: "${origin}", allow: ["linux/**"] }`);
  await place.put('linux/here.img', 'here');
  const datastore = await place.start();
  expect((await datastore.get('/linux/here.img')).body.toString()).toBe('here');
  const answer = await datastore.get('/linux/there.img');
  expect([problemOf(answer), answer.headers['retry-after']]).toEqual(['UPSTREAM_FAILED', '30']);
  expect(answer.body.toString()).toContain('nothing listens at its address and port');
  expect((await datastore.get('/elsewhere.img')).status).toBe(404);
  server = await startFileServer();
});
