// SPDX-License-Identifier: Apache-2.0
/** Images from archives, layouts and sets, into a datastore that runs. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inventorySchema } from '../../datastore-app/src/archive-imports/inventory.ts';
import { createImageLayout, type ImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_HEADERS,
} from '../lab/loopback-datastore.ts';
import { readDatastoreJson } from '../lab/printed-json.ts';
import { createRepositoryClient, someImage } from './registry-content.ts';

const run = promisify(execFile);
let place: DatastoreFolder;
let site: DatastoreFolder;
let datastore: LoopbackDatastore;
let atSite: LoopbackDatastore;
let layout: ImageLayout;
let base: MadeImage;
let next: MadeImage;
const shared = Buffer.alloc(300_000, 'shared');
/** What does not compress, so that pieces of it differ. */
const large = Buffer.concat(
  Array.from({ length: 100_000 }, (_, i) => createHash('sha256').update(`${i}`).digest()),
);

beforeAll(async () => {
  [place, site] = [await createDatastoreFolder(), await createDatastoreFolder()];
  [datastore, atSite] = [await place.start(), await site.start()];
  layout = await createImageLayout(join(place.folder, 'layout'));
  base = await layout.addImage({ layers: [shared] }, 'lab/app:1');
  next = await layout.addImage({ layers: [shared, large] }, 'lab/app:2');
});
afterAll(async () => {
  await place?.remove();
  await site?.remove();
});

const command =
  (folder: () => DatastoreFolder, url: () => string) =>
  (...args: string[]) =>
    folder().runPlain(...args, '--state', folder().state, '--url', url());
const here = command(
  () => place,
  () => datastore.url,
);
const there = command(
  () => site,
  () => atSite.url,
);
const digestAt = async ({ get }: LoopbackDatastore, repository: string, tag: string) =>
  (await get(`/v2/${repository}/manifests/${tag}`)).headers['docker-content-digest'];

it('a layout in a folder, all of it and one of its images', async () => {
  const all = await here('import', `oci:${layout.folder}`);
  expect([all.exitCode, all.stderr]).toEqual([0, '']);
  expect(all.stdout).toContain(`lab/app:2  ${next.manifest.digest}  `);
  expect(await digestAt(datastore, 'lab/app', '1')).toBe(base.manifest.digest);
  const one = await here('import', `oci:${layout.folder}:lab/app:1`, '--as', 'Lab/One', '--json');
  expect(readDatastoreJson(['import'], one.stdout)).toMatchObject({
    images: [{ repository: 'lab/one', tag: '1', digest: base.manifest.digest }],
    failed: [],
    notices: [expect.stringContaining('lower case')],
  });
});

it('an archive that is cut off or damaged, and an image whose layer is gone, are not named', async () => {
  const copy = join(place.folder, 'broken');
  await run('cp', ['-r', layout.folder, copy]);
  await rm(join(copy, 'blobs/sha256', next.layers[1]?.digest.slice(7) ?? ''));
  const partial = await there('import', `oci:${copy}`);
  expect(partial.exitCode).toBe(5);
  expect(partial.stdout).toContain('lab/app:1');
  expect(partial.stderr).toContain(`missing: ${next.layers[1]?.digest}`);
  expect([await digestAt(atSite, 'lab/app', '1'), await digestAt(atSite, 'lab/app', '2')]).toEqual([
    base.manifest.digest,
    undefined,
  ]);
  const archive = join(place.folder, 'cut.tar');
  await run('tar', ['-C', layout.folder, '-cf', archive, '.']);
  await truncate(archive, 100_000);
  const cut = await there('import', archive, '--as', 'lab/cut');
  expect([cut.exitCode, cut.stderr]).toEqual([5, expect.stringContaining('only a part of it came')]);
});

it('nothing is named of what a kill cuts off, and the next run completes it', async () => {
  const archive = join(place.folder, 'killed.tar');
  await run('tar', ['-C', layout.folder, '-cf', archive, 'blobs', 'oci-layout', 'index.json']);
  const victim = await createDatastoreFolder();
  try {
    const first = await victim.start();
    const sent = request({
      ...{ host: ADDRESS, port: first.port, method: 'POST', path: '/-/api/v1/registry/import' },
      headers: { ...WRITE_HEADERS, 'transfer-encoding': 'chunked' },
    });
    sent.on('error', () => {});
    sent.write((await readFile(archive)).subarray(0, 2_000_000));
    await expect.poll(async () => (await victim.incoming()).length).toBeGreaterThan(0);
    await first.kill();
    const second = await victim.start();
    expect((await second.json('/-/api/v1/registry/repositories')).repositories).toEqual([]);
    const again = await victim.runPlain('import', archive, '--state', victim.state, '--url', second.url);
    expect([again.exitCode, again.stderr]).toEqual([0, '']);
    expect(await digestAt(second, 'lab/app', '2')).toBe(next.manifest.digest);
    expect(await victim.incoming()).toEqual([]);
  } finally {
    await victim.remove();
  }
});

it('a set in chunks brings what the other side lacks, and says what is missing before it is sent', async () => {
  await here('import', `oci:${layout.folder}`);
  const inventory = await there('registry', 'inventory');
  const { blobs } = inventorySchema().parse(JSON.parse(inventory.stdout));
  expect(blobs.map(({ digest }) => digest)).toContain(base.layers[0]?.digest);
  const have = join(place.folder, 'have.json');
  await writeFile(have, inventory.stdout);
  const out = join(place.folder, 'delta');
  const exported = await here(
    'registry',
    'export',
    'lab/app:1',
    'lab/app:2',
    '--except',
    have,
    '--chunk',
    '1M',
    '--out',
    out,
    '--json',
  );
  const { files, expected } = readDatastoreJson(['registry', 'export'], exported.stdout) as {
    files: { file: string; sizeBytes: number }[];
    expected: number;
  };
  expect(expected).toBeGreaterThan(0);
  expect(files.length).toBeGreaterThan(3);
  const names = files.map(({ file }) => file);
  for (const { file, sizeBytes } of files) {
    expect((await stat(file)).size).toBe(sizeBytes);
    expect(sizeBytes).toBeLessThanOrEqual(1024 * 1024);
    await run('tar', ['-tf', file]);
  }
  const without = await there('import', ...names.filter((_, i) => i !== 2));
  expect([without.exitCode, without.stdout]).toEqual([5, '']);
  expect(without.stderr).toContain(`missing: ${next.layers[1]?.digest}`);
  expect(without.stderr).toContain('in chunk 3');
  expect(await site.incoming()).toEqual([]);
  // One by one, the one that names the images last.
  for (const name of names.slice(1).toReversed()) {
    const kept = await there('import', name);
    expect([kept.exitCode, kept.stderr]).toEqual([0, expect.stringContaining('kept for a day')]);
  }
  const named = await there('import', names[0] ?? '');
  expect([named.exitCode, named.stderr]).toEqual([0, '']);
  expect(await digestAt(atSite, 'lab/app', '2')).toBe(next.manifest.digest);
  expect((await there('registry', 'validate', 'lab/app')).exitCode).toBe(0);
});

it('referrers and signatures are carried along', async () => {
  const repository = createRepositoryClient(datastore, 'lab/signed');
  const image = someImage();
  await repository.pushImage(image, '1');
  const { descriptor } = image;
  const about = someImage({ more: { subject: descriptor } });
  await repository.pushImage(about);
  const signature = someImage();
  const tag = `${descriptor.digest.replace(':', '-')}.sig`;
  await repository.pushImage(signature, tag);
  const out = join(place.folder, 'signed');
  await here('registry', 'export', 'lab/signed:1', '--chunk', '4G', '--out', out);
  const imported = await there('import', `${out}.1.tar`);
  expect([imported.exitCode, imported.stderr]).toEqual([0, '']);
  expect(await digestAt(atSite, 'lab/signed', tag)).toBe(signature.descriptor.digest);
  const referrers = await atSite.get(`/v2/lab/signed/referrers/${descriptor.digest}`);
  expect(JSON.parse(String(referrers.body)).manifests).toMatchObject([{ digest: about.descriptor.digest }]);
});

it('an archive among the images is adopted, and its file may go', async () => {
  const archive = join(place.folder, 'adopted.tar');
  await run('tar', ['-C', layout.folder, '-cf', archive, '.']);
  await place.put('linux/app.tar', await readFile(archive));
  const shown = () => digestAt(datastore, 'archives/linux/app', '2');
  await expect.poll(shown).toBe(next.manifest.digest);
  const adopted = await here('registry', 'adopt', 'archives/linux/app', '--as', 'lab/adopted');
  expect([adopted.exitCode, adopted.stderr]).toEqual([0, '']);
  await rm(join(place.root, 'linux/app.tar'));
  await expect.poll(shown).toBeUndefined();
  expect(await digestAt(datastore, 'lab/adopted', '2')).toBe(next.manifest.digest);
  expect((await here('registry', 'validate', 'lab/adopted')).exitCode).toBe(0);
});

it('a Docker engine is asked by its address', async () => {
  const archive = join(place.folder, 'engine.tar');
  await run('tar', ['-C', layout.folder, '-cf', archive, '.']);
  const bytes = await readFile(archive);
  const socket = join(place.folder, 'engine.sock');
  const asked: string[] = [];
  const engine = createServer((asking, answer) => {
    if (asking.url === '/_ping') {
      answer.setHeader('Api-Version', '1.41').end('OK');
      return;
    }
    asked.push(asking.url ?? '');
    const isKnown = asking.url?.includes('lab%2Fapp') === true;
    if (isKnown) answer.end(bytes);
    else answer.writeHead(404).end('{"message":"No such image: x"}');
  }).listen(socket);
  await once(engine, 'listening');
  try {
    const host = ['--docker-host', `unix://${socket}`];
    const found = await here('import', 'docker-daemon:lab/app:2', '--as', 'from/engine', ...host);
    expect([found.exitCode, found.stderr]).toEqual([0, '']);
    expect(asked).toEqual(['/v1.41/images/get?names=lab%2Fapp%3A2']);
    const unknown = await here('import', 'docker-daemon:x', ...host);
    expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringContaining('No such image: x')]);
  } finally {
    engine.close();
  }
  const nobody = await here('import', 'docker-daemon:x', '--docker-host', 'tcp://127.0.0.1:9');
  expect([nobody.exitCode, nobody.stderr]).toEqual([4, expect.stringContaining('start it, or name it')]);
});

it('of a container that an engine saves by digests only what is not there is sent', async () => {
  const own = await createImageLayout(join(place.folder, 'engine-layout'));
  const made = await own.addImage({ layers: [Buffer.alloc(300_000, 'engine'), large] }, 'x');
  const archive = join(place.folder, 'engine-layout.tar');
  await run('tar', ['-C', own.folder, '-cf', archive, '.']);
  const socket = join(place.folder, 'saving.sock');
  const id = 'ab'.repeat(32);
  const removed: string[] = [];
  const engine = createServer(async (asking, answer) => {
    const { method, url = '' } = asking;
    if (url === '/_ping') answer.setHeader('Api-Version', '1.51').end('OK');
    else if (url.endsWith('/containers/box/json')) answer.end(JSON.stringify({ Id: id, Name: '/box' }));
    else if (url.startsWith('/v1.48/commit?')) answer.end(JSON.stringify({ Id: `sha256:${id}` }));
    else if (url === `/v1.48/images/sha256:${id}/get`) answer.end(await readFile(archive));
    else {
      removed.push(`${method} ${url}`);
      answer.end('[]');
    }
  }).listen(socket);
  await once(engine, 'listening');
  try {
    const capture = (as: string) => here('registry', 'capture', 'box', '--as', as, '--docker-host', socket);
    const first = await capture('engine/app');
    expect([first.exitCode, first.stdout]).toEqual([0, `engine/app:1  ${made.manifest.digest}\n`]);
    const second = await capture('engine/other:mine');
    expect([second.exitCode, second.stdout, second.stderr]).toEqual([
      0,
      `engine/other:mine  ${made.manifest.digest}\n`,
      expect.stringMatching(/^not sent, as it was there already: \d layers?, 3\.\d+ MiB\n$/),
    ]);
    expect((await here('registry', 'validate', 'engine/other')).exitCode).toBe(0);
    const gone = `DELETE /v1.48/images/sha256:${id}?noprune=true`;
    expect(removed).toEqual([gone, gone]);
  } finally {
    engine.close();
  }
});

it('who may not push is refused before anything comes, and bad input is named', async () => {
  const path = '/-/api/v1/registry/import';
  const answers = [
    await datastore.request('POST', path, { withToken: false, body: 'x' }),
    await datastore.request('POST', `${path}?name=A//b`, { body: 'x' }),
    await datastore.request('POST', `${path}?platform=linux`, { body: 'x' }),
    await datastore.request('POST', path, { body: 'x', headers: { 'content-type': 'multipart/form-data' } }),
    await datastore.request('POST', path, { body: 'x' }),
    await datastore.request('POST', `${path}/missing`, { body: '{}' }),
    await datastore.request('POST', '/-/api/v1/registry/adopt?from=lab/app', {}),
    await datastore.request('POST', '/-/api/v1/registry/adopt?from=archives/none', {}),
  ];
  expect(answers.map(({ status }) => status)).toEqual([401, 400, 400, 415, 400, 400, 400, 404]);
  expect((await datastore.json('/-/api/v1/registry/inventory')).version).toBe(1);
});

it.each([
  [['import', 'ftp://lab/app:1'], 'known are'],
  [['import', 'missing.tar'], 'cannot be read'],
  [['import', 'a.tar', '--as', '/x'], 'repository'],
  [['import', 'a.tar', '--platform', 'linux'], 'A platform such as'],
  [['import', 'a.tar', 'b.tar', '--as', 'x:1'], 'there are 2 sources'],
  [['import', 'oci:/nowhere'], 'there is no folder'],
  [['registry', 'export', 'lab/app:1', 'lab/app:2'], '--out is needed'],
  [['registry', 'export', 'lab/app:1', '--chunk', '10K', '--out', '/tmp/x'], 'too small'],
  [['registry', 'export', 'lab/app:1', '--except', '/dev/null', '--out', '/tmp/x'], 'no inventory'],
  [['registry', 'export', 'lab/none:1', '--chunk', '4G', '--out', '/tmp/x'], 'there is no image'],
  [['registry', 'adopt', 'lab/app'], 'below archives/'],
])('%j is refused', async (args, message) => {
  const { exitCode, stdout, stderr } = await here(...args);
  expect([exitCode, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)]);
});

it('leaves nothing half written where it exports', async () => {
  await mkdir(join(place.folder, 'out'));
  await here('registry', 'export', 'lab/app:1', 'lab/app:2', '--out', join(place.folder, 'out/set'));
  expect(await readdir(join(place.folder, 'out'))).toEqual(['set.1.tar']);
});
