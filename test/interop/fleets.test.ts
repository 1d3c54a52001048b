// SPDX-License-Identifier: Apache-2.0
/**
 * What one site asks of what stands in the middle of many: of a registry and of an object store that nobody here
 * wrote. `datastore-app/docs/fleets.md` works its numbers out from these.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Counted, type CountingProxy, startCountingProxy } from '../lab/counting-proxy.ts';
import { type DebianRegistry, startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout } from '../lab/image-layouts.ts';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { createNamespace } from '../lab/namespace.ts';
import { type ObjectStore, startObjectStore } from '../lab/object-store.ts';
import { describeWith } from '../requirements.ts';

const MIB = 1024 * 1024;
const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest('hex');
/** The registry takes no port by itself. */
const REGISTRY_PORT = 15_879;
/** The head of an answer: no more is sent beside content. */
const HEADS_BYTES = 1000;

/** Requests by method, kind and status, in order. */
const kindsOf = ({ requests }: Counted) =>
  requests.map((each) =>
    each.replace(/sha256:[0-9a-f]{64}/, 'DIGEST').replace(/^(\w+) \/v2\/lab\/app/, '$1 '),
  );

/** Tells what was counted, for who writes the manual: FLEETS=1. */
function tell(what: string, { requests, sentBytes, receivedBytes }: Counted): void {
  if (process.env.FLEETS === undefined) return;
  console.log(what, { requests: requests.length, sentBytes, receivedBytes });
}

describeWith(['docker-registry', 'skopeo', 'swift'], 'one site of many asks', () => {
  let folder: string;
  let registry: DebianRegistry;
  let store: ObjectStore;
  let beforeRegistry: CountingProxy;
  let beforeStore: CountingProxy;
  let place: DatastoreFolder;
  let datastore: LoopbackDatastore;
  let pulls = 0;
  let pushed = { whole: 0, update: 0 };
  const loopback = createNamespace('loopback', [], () => {});
  const base = randomBytes(4 * MIB);
  const tools = randomBytes(2 * MIB);
  const disk = randomBytes(5 * MIB);

  /** Pushes the next version of the image. @returns what its manifest, configuration and layers take */
  async function pushImage(app: Buffer): Promise<{ whole: number; update: number }> {
    const layout = await createImageLayout(await mkdtemp(join(folder, 'layout-')));
    const { manifest, config, layers } = await layout.addImage({ layers: [base, tools, app] }, '1');
    await registry.push(layout.folder, '1', 'lab/app');
    const [all, last] = [layers.reduce((sum, { size }) => sum + size, 0), layers.at(-1)?.size ?? 0];
    return { whole: manifest.size + config.size + all, update: manifest.size + config.size + last };
  }
  async function pull(): Promise<void> {
    pulls += 1;
    await loopback.mustRun([
      ...['skopeo', 'copy', '--src-tls-verify=false', `docker://127.0.0.1:${datastore.port}/hub/lab/app:1`],
      `dir:${join(folder, `pulled-${pulls}`)}`,
    ]);
  }
  async function listImages(images: Readonly<Record<string, Buffer>>): Promise<void> {
    const entries = Object.entries(images).map(([path, content]) => ({
      ...{ path, sizeBytes: content.length, sha256: sha256Of(content) },
    }));
    await store.put('images', 'manifest.json', JSON.stringify({ version: 1, images: entries }));
    const text = entries.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('');
    await store.put('images', 'SHA256SUMS', text);
  }
  /** Asks for all lists now. */
  const check = () => datastore.request('POST', '/-/api/v1/upstreams');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fleets-'));
    [registry, store] = await Promise.all([
      startDebianRegistry(loopback, { folder: join(folder, 'registry'), port: REGISTRY_PORT }),
      startObjectStore(),
    ]);
    beforeRegistry = await startCountingProxy(REGISTRY_PORT);
    beforeStore = await startCountingProxy(store.port);
    await store.makeBucket('images');
    await store.put('images', 'linux/disk.img', disk);
    await listImages({ 'linux/disk.img': disk });
    place = await createDatastoreFolder();
    await mkdir(place.state, { mode: 0o700 });
    await writeFile(join(place.state, 's3.secret'), store.secretAccessKey);
    const s3 = (prefix: string, list: string) =>
      `  - { prefix: ${prefix}, url: "s3://images", list: ${list}, endpoint: "http://127.0.0.1:${beforeStore.port}", credentials: { accessKeyId: "${store.accessKeyId}", secretAccessKeyFile: s3.secret }, check: 1d }\n`;
    await writeFile(
      join(place.state, 'upstreams.yaml'),
      `version: 1\nupstreams:\n  - { prefix: hub, url: "http://127.0.0.1:${beforeRegistry.port}", tags: { check: 0s } }\n` +
        `images:\n${s3('m', 'manifest.json')}`,
    );
    pushed = await pushImage(randomBytes(MIB));
    datastore = await place.start();
  });
  afterAll(async () => {
    await place?.remove();
    await beforeRegistry?.stop();
    await beforeStore?.stop();
    await registry?.stop();
    await store?.stop();
    await rm(folder, { recursive: true });
  });

  test('a registry for an image: once for all its devices', async () => {
    await pull();
    const first = beforeRegistry.take();
    tell('first pull, 7 MiB in 3 layers', first);
    expect(kindsOf(first).sort()).toEqual([
      ...Array.from({ length: 4 }, () => 'GET /blobs/DIGEST 200'),
      'GET /manifests/1 200',
    ]);
    expect(first.sentBytes).toBeGreaterThan(pushed.whole);
    expect(first.sentBytes).toBeLessThan(pushed.whole + 5 * HEADS_BYTES);
    // Whoever pulls it as well costs the check of the tag, as often as that is due: here always.
    await pull();
    const unchanged = beforeRegistry.take();
    tell('check of a tag that has not moved', unchanged);
    expect(new Set(kindsOf(unchanged))).toEqual(new Set(['HEAD /manifests/1 200']));
    expect(unchanged.sentBytes).toBeLessThan(unchanged.requests.length * HEADS_BYTES);
  });

  test('a registry for an update: the manifest, the configuration and the one layer that is new', async () => {
    pushed = await pushImage(randomBytes(MIB));
    await pull();
    const update = beforeRegistry.take();
    tell('update of one layer of 1 MiB', update);
    const kinds = kindsOf(update);
    expect(kinds.filter((each) => each.startsWith('GET')).sort()).toEqual([
      'GET /blobs/DIGEST 200',
      'GET /blobs/DIGEST 200',
      'GET /manifests/1 200',
    ]);
    expect(update.sentBytes).toBeGreaterThan(pushed.update);
    expect(update.sentBytes).toBeLessThan(pushed.update + kinds.length * HEADS_BYTES);
  });

  test('an object store for its list, and for it again', async () => {
    await expect.poll(async () => (await datastore.get('/m/linux/disk.img', {}, 'HEAD')).status).toBe(200);
    const first = beforeStore.take();
    tell('list of one image, as a manifest', first);
    expect(first.requests).toEqual(['GET /images/manifest.json 200']);
    await check();
    const again = beforeStore.take();
    tell('check of a list that has not changed', again);
    expect(again.requests).toEqual(['GET /images/manifest.json 304']);
    expect(again.sentBytes).toBeLessThan(HEADS_BYTES);
  });

  test('an object store for an image, and for a new one', async () => {
    const five = await Promise.all(Array.from({ length: 5 }, () => datastore.get('/m/linux/disk.img')));
    expect(five.every(({ body }) => body.equals(disk))).toBe(true);
    const first = beforeStore.take();
    tell('image of 5 MiB, for five devices', first);
    expect(first.requests).toEqual(['GET /images/linux/disk.img 200']);
    expect(first.sentBytes).toBeLessThan(disk.length + HEADS_BYTES);
    const next = randomBytes(MIB);
    await store.put('images', 'linux/next.img', next);
    await listImages({ 'linux/disk.img': disk, 'linux/next.img': next });
    await check();
    expect((await datastore.get('/m/linux/next.img')).body.equals(next)).toBe(true);
    const update = beforeStore.take();
    tell('new image of 1 MiB', update);
    expect(update.requests).toEqual(['GET /images/manifest.json 200', 'GET /images/linux/next.img 200']);
    expect(update.sentBytes).toBeLessThan(next.length + 2 * HEADS_BYTES);
  });
});
