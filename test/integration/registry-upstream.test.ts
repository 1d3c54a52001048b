// SPDX-License-Identifier: Apache-2.0
/**
 * Imports of the real datastore while its upstream is cut off or away, and after kill -9: what was reported of other
 * registries ("Reports of other registries" in test/README.md).
 */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { send, sendStart } from './hostile-registry.ts';
import {
  type Content,
  createRepositoryClient,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  indexOf,
  OCI_INDEX,
  OCI_MANIFEST,
  refusalOf,
  someImage,
} from './registry-content.ts';
import { createUpstreamScene, statusOrCut, type UpstreamScene } from './upstream-scene.ts';

const LAYER_BYTES = 6 * 1024 * 1024;
let scene: UpstreamScene;
beforeAll(async () => {
  scene = await createUpstreamScene();
});
afterAll(() => scene?.remove());
afterEach(() => scene.turnOn());

// distribution #4664 and #3428: n clients that come first fetch n + 1 times.
it('brings a blob once for five clients that come first, through two cuts', async () => {
  const { repository, layer, giveLayer, layerRequests } = await scene.createHalfImage('flights', LAYER_BYTES);
  const before = await scene.importedBytes();
  let cuts = 0;
  giveLayer(async (request, response) => {
    cuts += 1;
    if (cuts > 2) return send(request, response, layer.bytes);
    await sendStart(request, response, layer.bytes, LAYER_BYTES / 3);
    response.destroy();
  });
  const blob = `blobs/${layer.descriptor.digest}`;
  const pulled = await Promise.all(Array.from({ length: 5 }, () => repository.get(blob)));
  for (const { status, body } of pulled) expect([status, body.equals(layer.bytes)]).toEqual([200, true]);
  expect(await scene.importedBytes()).toBe(before + LAYER_BYTES);
  const continued = expect.stringMatching(/^bytes=\d+-$/);
  expect(layerRequests()).toEqual(['all', continued, continued]);
  expect((await repository.get(blob)).body.equals(layer.bytes)).toBe(true);
  expect(layerRequests()).toHaveLength(3);
});

// zot #3307, #2584, #4042, #2836: what Docker's schema 2 says is converted, has another digest, and comes each time.
it('leaves images of Docker’s schema 2 and their lists as they are, and brings them once', async () => {
  const images = [0, 1].map(() => someImage({ mediaType: DOCKER_MANIFEST }));
  const blobs = images.flatMap((each) => each.blobs);
  const list = indexOf(images, { mediaType: DOCKER_LIST });
  scene.upstream.serve('docker', '1', [list, ...images], blobs);
  const repository = scene.repositoryOf('docker');
  async function pullAll(): Promise<void> {
    const tagged: [string, Content] = ['manifests/1', list];
    const manifests = [list, ...images].map((each): [string, Content] => [
      `manifests/${each.descriptor.digest}`,
      each,
    ]);
    for (const [path, { bytes, descriptor }] of [tagged, ...manifests]) {
      const { status, headers, body } = await repository.get(path, {
        accept: `${OCI_INDEX}, ${OCI_MANIFEST}`,
      });
      const { mediaType, digest } = descriptor;
      expect([status, headers['content-type'], headers['docker-content-digest']]).toEqual([
        ...[200, mediaType, digest],
      ]);
      expect(body.equals(bytes)).toBe(true);
    }
    for (const { bytes, descriptor } of blobs) {
      expect((await repository.get(`blobs/${descriptor.digest}`)).body.equals(bytes)).toBe(true);
    }
  }
  await pullAll();
  const [bytes, requests] = [await scene.importedBytes(), scene.upstream.requests.length];
  await pullAll();
  expect(await scene.importedBytes()).toBe(bytes);
  // Whether the tag has moved.
  expect(scene.upstream.requests.slice(requests)).toEqual(['HEAD /v2/docker/manifests/1']);
});

// spegel #586, #1378: offline a tag is not answered that is here; HEAD of a tag says 200, GET of its digest 404.
it('answers all that is here while the upstream is off, and promises by HEAD what GET has', async () => {
  const [here, absent, partly] = [someImage(), someImage(), someImage()];
  const index = indexOf([here, absent]);
  scene.upstream.serve('away', 'latest', [index, here, absent], [...here.blobs, ...absent.blobs]);
  scene.upstream.serve('away', 'partly', [partly], partly.blobs);
  const repository = scene.repositoryOf('away');
  const whole: [string, Content][] = [
    ['manifests/latest', index],
    [`manifests/${index.descriptor.digest}`, index],
    [`manifests/${here.descriptor.digest}`, here],
    ...here.blobs.map((each): [string, Content] => [`blobs/${each.descriptor.digest}`, each]),
  ];
  for (const [path] of [...whole, ['manifests/partly']]) await repository.get(path ?? '');
  scene.turnOff();
  for (const [path, { bytes, descriptor }] of whole) {
    const [head, got] = [await repository.head(path), await repository.get(path)];
    expect([path, head.status, got.status]).toEqual([path, 200, 200]);
    expect(got.body.equals(bytes)).toBe(true);
    expect(head.headers['docker-content-digest']).toBe(descriptor.digest);
    expect(head.headers['content-length']).toBe(String(bytes.length));
  }
  expect(JSON.parse((await repository.get('tags/list')).body.toString()).tags).toEqual(['latest', 'partly']);
  const missing = [
    'manifests/unseen',
    `manifests/${absent.descriptor.digest}`,
    `blobs/${partly.blobs[0]?.descriptor.digest}`,
  ];
  for (const path of missing) {
    const [head, got] = await Promise.all([repository.head(path), repository.get(path)]);
    expect([path, head.status, ...refusalOf(got)]).toEqual([path, 502, 502, 'UNKNOWN']);
  }
});

// zot #4357: an import was killed; what it left stays, and then no tag is answered any more.
it('goes on after kill -9 in the middle of an import, and lets nobody else wait', async () => {
  const image = someImage();
  await createRepositoryClient(scene.datastore(), 'lab/own').pushImage(image, '1');
  const { repository, layer, giveLayer, layerRequests } = await scene.createHalfImage('killed', LAYER_BYTES);
  giveLayer((request, response) => {
    const isFirst = request.headers.range === undefined;
    return sendStart(request, response, layer.bytes, isFirst ? LAYER_BYTES / 2 : 1000);
  });
  const blob = `blobs/${layer.descriptor.digest}`;
  const cut = statusOrCut(repository.get(blob));
  const imports = async () => (await scene.datastore().json('/-/api/v1/registry/upstreams')).imports;
  const half = { repository: 'up/killed', receivedBytes: LAYER_BYTES / 2 };
  await expect.poll(imports).toMatchObject([half]);
  await scene.killAndStart();
  expect(await cut).toBe(undefined);
  // The upstream does not go on yet: what does not need it is answered meanwhile.
  const again = scene.repositoryOf('killed');
  const waiting = again.get(blob);
  await expect.poll(imports).toMatchObject([{ ...half, receivedBytes: LAYER_BYTES / 2 + 1000 }]);
  const own = createRepositoryClient(scene.datastore(), 'lab/own');
  for (const path of ['manifests/1', 'tags/list', `blobs/${image.blobs[0]?.descriptor.digest}`]) {
    expect((await own.get(path)).status).toBe(200);
  }
  expect((await again.get('manifests/1')).status).toBe(200);
  expect(await scene.place.incoming()).toHaveLength(2);
  giveLayer(undefined);
  scene.upstream.cutAll();
  expect((await waiting).body.equals(layer.bytes)).toBe(true);
  const ranges = [LAYER_BYTES / 2, LAYER_BYTES / 2 + 1000].map((from) => `bytes=${from}-`);
  expect(layerRequests()).toEqual(['all', ...ranges]);
  await expect.poll(scene.place.incoming).toEqual([]);
});
