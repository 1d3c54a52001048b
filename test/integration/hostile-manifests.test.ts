// SPDX-License-Identifier: Apache-2.0
/** Manifests that are sound one by one, and made to be a burden. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import {
  type Content,
  contentOf,
  createRepositoryClient,
  digestOf,
  indexOf,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
  type RepositoryClient,
  refusalOf,
  someBlob,
  someImage,
} from './registry-content.ts';

const GC = '/-/api/v1/registry/gc';
let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;
beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'hostile/manifests');
});
afterAll(() => place?.remove());

/** Everything is there, and what goes through all of it ends. */
async function expectAlive(contents: readonly Content[]): Promise<void> {
  for (const { bytes, descriptor } of contents) {
    const got = await repository.get(`manifests/${descriptor.digest}`);
    expect([got.status, got.body.equals(bytes)]).toEqual([200, true]);
  }
  expect((await datastore.request('POST', GC)).status).toBe(200);
  expect((await datastore.get('/-/livez')).status).toBe(200);
  expect(datastore.log()).not.toContain('"level":"error"');
}

it('may be indexes of indexes of indexes, and go one by one', async () => {
  const chain: Content[] = [someImage()];
  await repository.pushImage(chain[0] as ReturnType<typeof someImage>);
  for (let depth = 1; depth <= 1500; depth += 1) {
    const next = indexOf(chain.slice(-1), { more: { annotations: { depth: String(depth) } } });
    expect((await repository.putManifest(next, next.descriptor.digest)).status).toBe(201);
    chain.push(next);
  }
  const ends = [...chain.slice(0, 2), ...chain.slice(-2)];
  await expectAlive(ends);
  // After a restart all of it is read again.
  await datastore.stop();
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'hostile/manifests');
  await expectAlive(ends);
  for (const { descriptor } of chain.slice(-3).reverse()) {
    expect((await repository.delete(`manifests/${descriptor.digest}`)).status).toBe(202);
  }
  await expectAlive(chain.slice(0, 2));
});

it('may be about each other in a long row', async () => {
  const blob = someBlob(10);
  let last = someImage({ layers: [blob] });
  await repository.pushImage(last);
  const row: Content[] = [last];
  for (let count = 0; count < 300; count += 1) {
    const [config] = last.blobs;
    last = { ...aboutOf(last, blob, config), blobs: last.blobs };
    expect((await repository.putManifest(last, last.descriptor.digest)).status).toBe(201);
    row.push(last);
  }
  await expectAlive([...row.slice(0, 2), ...row.slice(-2)]);
});

function aboutOf(subject: Content, layer: Content, config: Content | undefined): Content {
  const document = {
    ...{ schemaVersion: 2, mediaType: OCI_MANIFEST, config: config?.descriptor },
    ...{ layers: [layer.descriptor], subject: subject.descriptor },
  };
  return contentOf(Buffer.from(JSON.stringify(document)), OCI_MANIFEST);
}

it('may name one blob many times', async () => {
  const blob = someBlob(10);
  const image = someImage({ layers: Array.from({ length: 500 }, () => blob) });
  await repository.pushBlob(blob);
  await repository.pushBlob(image.blobs[0] as Content);
  expect((await repository.putManifest(image, 'many')).status).toBe(201);
  await expectAlive([image]);
});

it('that name very much which is not there get an answer that is short', async () => {
  const layer = (number: number) => ({
    ...{ mediaType: OCI_LAYER, size: 1, digest: digestOf(Buffer.from(String(number))) },
  });
  const { config } = JSON.parse(someImage().bytes.toString()) as { config: object };
  const document = {
    ...{ schemaVersion: 2, mediaType: OCI_MANIFEST, config },
    layers: Array.from({ length: 9000 }, (_, number) => layer(number)),
  };
  const manifest = contentOf(Buffer.from(JSON.stringify(document)), OCI_MANIFEST);
  const answer = await repository.putManifest(manifest, 'huge');
  expect(refusalOf(answer)).toEqual([400, ...Array.from({ length: 100 }, () => 'MANIFEST_BLOB_UNKNOWN')]);
  expect(answer.body.toString()).toContain('does not have 9001 of the blobs');
});

it('are no blobs, and blobs are no manifests, whatever their bytes say', async () => {
  const image = someImage();
  const disguised = contentOf(image.bytes, OCI_LAYER);
  await repository.pushBlob(disguised);
  expect(refusalOf(await repository.get(`manifests/${disguised.descriptor.digest}`))).toEqual([
    404,
    'MANIFEST_UNKNOWN',
  ]);
  const blob = someBlob();
  await repository.pushBlob(blob);
  const index = indexOf([{ ...blob, descriptor: { ...blob.descriptor, mediaType: OCI_MANIFEST } }]);
  expect((await repository.putManifest(index, 'disguised')).status).toBe(201);
  expect((await repository.get(`manifests/${blob.descriptor.digest}`)).status).toBe(404);
  await expectAlive([index]);
});

it.each(['text/html', 'application/javascript', `${OCI_INDEX}+html`, 'image/svg+xml'])(
  'are not served as %s',
  async (mediaType) => {
    const page = Buffer.from('{"schemaVersion":2,"<script>":1}');
    const headers = { 'content-type': mediaType };
    const answer = await repository.putManifest(contentOf(page, mediaType), 'page', headers);
    expect(refusalOf(answer)).toEqual([415, 'UNSUPPORTED']);
  },
);
