// SPDX-License-Identifier: Apache-2.0
/**
 * Every kind of content that the image specification has, through its whole life: pushed, listed, looked for, pulled,
 * referred to, and deleted with all that it was made of. What single requests are answered is tested elsewhere
 * (registry-push, -manifests, -pull, -discovery, -management).
 */
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
  type Image,
  indexOf,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
  refusalOf,
  someBlob,
  someImage,
} from './registry-content.ts';

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
});
afterAll(() => place?.remove());

const EMPTY_JSON = 'application/vnd.oci.empty.v1+json';
const ARTIFACT_TYPE = 'application/vnd.example.sbom';
const emptyJson = contentOf(Buffer.from('{}'), EMPTY_JSON);
const withData = ({ bytes, descriptor }: Content): Content => ({
  bytes,
  descriptor: { ...descriptor, data: bytes.toString('base64') } as Content['descriptor'],
});

/** What is not to be distributed: it is named, and never pushed. */
const notDistributed = (suffix: string) =>
  contentOf(someBlob().bytes, `application/vnd.oci.image.layer.nondistributable.v1.tar${suffix}`);
function withoutForeign({ blobs, ...image }: Image): Image {
  return { ...image, blobs: blobs.filter(({ descriptor }) => !descriptor.mediaType.includes('nondistrib')) };
}

function artifact(layers: readonly Content[], more: Readonly<Record<string, unknown>> = {}): Image {
  const members = { config: emptyJson.descriptor, artifactType: ARTIFACT_TYPE, ...more };
  const image = someImage({ layers, more: members });
  return { ...image, blobs: [emptyJson, ...layers] };
}

interface Kind {
  /** In the order in which they are pushed; the last has the tag. */
  readonly manifests: readonly Content[];
  readonly blobs: readonly Content[];
  /** What the last says that it is about. */
  readonly subject?: Content;
}
const ofImages = (images: readonly Image[], ...further: readonly Content[]): Kind => ({
  manifests: [...images, ...further],
  blobs: images.flatMap(({ blobs }) => blobs),
});

const KINDS: Readonly<Record<string, () => Kind>> = {
  'an image': () => ofImages([someImage()]),
  'an image by sha512': () => ofImages([someImage({ algorithm: 'sha512' })]),
  'an image without layers': () => ofImages([someImage({ layers: [] })]),
  'an image with an empty blob': () =>
    ofImages([someImage({ layers: [contentOf(Buffer.alloc(0), OCI_LAYER)] })]),
  'an image with members that nobody knows': () =>
    ofImages([someImage({ more: { 'org.example.new': { deep: [1, null] } } })]),
  'an image with its content in its descriptors': () =>
    ofImages([someImage({ layers: [withData(someBlob(300))] })]),
  'an image with layers that are not to be distributed': () =>
    ofImages([
      withoutForeign(someImage({ layers: [notDistributed(''), notDistributed('+gzip'), someBlob()] })),
    ]),
  'an image whose manifest has nearly 4 MiB': () => {
    const annotations = Object.fromEntries(
      Array.from({ length: 390 }, (_, number) => [`org.example.${number}`, 'A'.repeat(10_000)]),
    );
    return ofImages([someImage({ more: { annotations } })]);
  },
  'an index': () => {
    const images = [someImage(), someImage()];
    return ofImages(images, indexOf(images));
  },
  'an index of nothing': () => ofImages([], indexOf([])),
  'an index of indexes': () => {
    const images = [someImage(), someImage()];
    const inner = images.map((image) => indexOf([image]));
    return ofImages(images, ...inner, indexOf(inner));
  },
  'an index of images by sha512': () => {
    const images = [someImage({ algorithm: 'sha512' }), someImage({ algorithm: 'sha512' })];
    const { bytes } = indexOf(images);
    return ofImages(images, contentOf(bytes, OCI_INDEX, 'sha512'));
  },
  'an index some of whose images are elsewhere': () => {
    const image = someImage();
    return ofImages([image], indexOf([image, someImage()]));
  },
  'an artifact': () => ofImages([artifact([contentOf(someBlob().bytes, ARTIFACT_TYPE)])]),
  'an artifact without content': () => ofImages([artifact([emptyJson])]),
  'an index of artifacts': () => {
    const artifacts = [artifact([someBlob()]), artifact([someBlob()])];
    return ofImages(artifacts, indexOf(artifacts, { more: { artifactType: ARTIFACT_TYPE } }));
  },
  'an artifact about an image': () => {
    const subject = someImage();
    const about = artifact([someBlob()], { subject: subject.descriptor });
    return { ...ofImages([subject, about]), subject };
  },
  'an artifact about an image that is not there': () => {
    const subject = someImage();
    return { ...ofImages([artifact([someBlob()], { subject: subject.descriptor })]), subject };
  },
  'an index about an index': () => {
    const images = [someImage(), someImage()];
    const subject = indexOf(images);
    const more = { artifactType: ARTIFACT_TYPE, subject: subject.descriptor };
    return { ...ofImages(images, subject, indexOf(images, { more })), subject };
  },
};

it.each(Object.keys(KINDS))('%s is pushed, found, pulled and deleted', async (kind) => {
  const { manifests, blobs, subject } = KINDS[kind]?.() ?? ofImages([]);
  const tagged = manifests.at(-1) ?? expect.fail('no manifest');
  const repository = createRepositoryClient(datastore, `kinds/${kind.toLowerCase().replaceAll(' ', '-')}`);
  for (const blob of blobs) await repository.pushBlob(blob);
  for (const manifest of manifests) {
    const { digest } = manifest.descriptor;
    const reference = manifest === tagged ? `${digest}?tag=latest` : digest;
    const answer = await repository.putManifest(manifest, reference);
    expect([answer.status, answer.body.toString(), answer.headers]).toMatchObject([
      ...[201, ''],
      { location: repository.at(`manifests/${digest}`), 'docker-content-digest': digest },
    ]);
    expect(answer.headers['oci-subject']).toBe(
      manifest === tagged && subject ? subject.descriptor.digest : undefined,
    );
    expect(answer.headers['oci-tag']).toBe(manifest === tagged ? 'latest' : undefined);
  }

  const tags = JSON.parse((await repository.get('tags/list')).body.toString());
  expect(tags.tags).toEqual(['latest']);
  const references = manifests.map((manifest) => [manifest.descriptor.digest, manifest] as const);
  for (const [reference, { bytes, descriptor }] of [...references, ['latest', tagged] as const]) {
    const expected = {
      'content-type': descriptor.mediaType,
      'content-length': String(bytes.length),
      'docker-content-digest': descriptor.digest,
    };
    const head = await repository.head(`manifests/${reference}`);
    expect([head.status, head.headers]).toMatchObject([200, expected]);
    const got = await repository.get(`manifests/${reference}`);
    expect([got.status, got.headers, got.body.equals(bytes)]).toMatchObject([200, expected, true]);
  }
  for (const { bytes, descriptor } of blobs) {
    const got = await repository.get(`blobs/${descriptor.digest}`);
    expect([got.status, got.body.equals(bytes)]).toEqual([200, true]);
  }
  const about = async () => {
    const { body } = await repository.get(`referrers/${subject?.descriptor.digest}`);
    return JSON.parse(body.toString()).manifests as { digest: string }[];
  };
  if (subject !== undefined) {
    expect(await about()).toEqual([{ ...tagged.descriptor, artifactType: ARTIFACT_TYPE }]);
  }

  expect((await repository.delete('manifests/latest')).status).toBe(202);
  expect((await repository.head('manifests/latest')).status).toBe(404);
  for (const { descriptor } of manifests.toReversed()) {
    expect((await repository.delete(`manifests/${descriptor.digest}`)).status).toBe(202);
    expect((await repository.head(`manifests/${descriptor.digest}`)).status).toBe(404);
  }
  if (subject !== undefined) expect(await about()).toEqual([]);
  for (const digest of new Set(blobs.map(({ descriptor }) => descriptor.digest))) {
    expect((await repository.delete(`blobs/${digest}`)).status).toBe(202);
    expect(refusalOf(await repository.get(`blobs/${digest}`))).toEqual([404, 'BLOB_UNKNOWN']);
  }
});

it('is no manifest under the digest of another, whatever white space it has more', async () => {
  const repository = createRepositoryClient(datastore, 'kinds/changed');
  const image = someImage();
  await repository.pushImage(image);
  const changed = contentOf(Buffer.concat([image.bytes, Buffer.from('  ')]), OCI_MANIFEST);
  const { digest } = image.descriptor;
  expect(refusalOf(await repository.putManifest(changed, digest))).toEqual([400, 'DIGEST_INVALID']);
  expect((await repository.get(`manifests/${digest}`)).body.equals(image.bytes)).toBe(true);
});
