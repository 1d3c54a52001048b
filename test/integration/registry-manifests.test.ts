// SPDX-License-Identifier: Apache-2.0
/** Pushing manifests, as the distribution specification has it ("Pushing Manifests"): end-7, black box. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import {
  type Content,
  contentOf,
  createRepositoryClient,
  DOCKER_MANIFEST,
  digestOf,
  indexOf,
  OCI_MANIFEST,
  type RepositoryClient,
  refusalOf,
  someBlob,
  someImage,
} from './registry-content.ts';

const MIB = 1024 * 1024;
let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let repository: RepositoryClient;
beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  repository = createRepositoryClient(datastore, 'push/manifests');
});
afterAll(() => place?.remove());

const expectThere = async ({ bytes }: Content, reference: string) => {
  const got = await repository.get(`manifests/${reference}`);
  expect([got.status, got.body.equals(bytes)]).toEqual([200, true]);
};

it('is pushed by its tag or its digest, and says where it is', async () => {
  for (const image of [
    someImage(),
    someImage({ mediaType: DOCKER_MANIFEST }),
    someImage({ algorithm: 'sha512' }),
  ]) {
    for (const blob of image.blobs) await repository.pushBlob(blob);
    const { digest } = image.descriptor;
    const answer = await repository.putManifest(image, digest);
    expect([answer.status, answer.headers]).toMatchObject([
      201,
      { location: repository.at(`manifests/${digest}`), 'docker-content-digest': digest },
    ]);
    await expectThere(image, digest);
    const tagged = await repository.putManifest(image, 'moved');
    expect([tagged.status, tagged.headers['docker-content-digest']]).toEqual([201, digestOf(image.bytes)]);
    await expectThere(image, 'moved');
  }
});

it('takes the media type from the document where no other is said, and no parameters', async () => {
  const image = someImage();
  for (const blob of image.blobs) await repository.pushBlob(blob);
  const headers = [
    {},
    { 'content-type': `${OCI_MANIFEST}; charset=utf-8` },
    { 'content-type': OCI_MANIFEST.toUpperCase() },
  ];
  for (const given of headers) {
    expect((await repository.putManifest(image, 'typed', given)).status).toBe(201);
    expect((await repository.head('manifests/typed')).headers['content-type']).toBe(OCI_MANIFEST);
  }
});

it('takes several tags with a digest', async () => {
  const image = someImage();
  const { digest } = image.descriptor;
  await repository.pushImage(image);
  const tags = ['1.2.3', '1.2', '1', ...Array.from({ length: 20 }, (_, n) => `more-${n}`)];
  const query = tags.map((tag) => `tag=${tag}`).join('&');
  const answer = await repository.putManifest(image, `${digest}?${query}`);
  expect([answer.status, answer.headers['oci-tag']?.toString().split(', ')]).toEqual([201, tags]);
  for (const tag of tags) await expectThere(image, tag);

  expect(refusalOf(await repository.putManifest(image, `${digest}?tag=ok&tag=-no`))).toEqual([
    400,
    'TAG_INVALID',
  ]);
  expect((await repository.head('manifests/ok')).status).toBe(404);
  const many = Array.from({ length: 200 }, (_, n) => `tag=x${n}`).join('&');
  expect(refusalOf(await repository.putManifest(image, `${digest}?${many}`))[0]).toBe(414);
});

it('says that it understood the subject, which need not be there', async () => {
  const subject = someImage();
  const about = someImage({ more: { subject: subject.descriptor, artifactType: 'application/x.test' } });
  for (const blob of about.blobs) await repository.pushBlob(blob);
  const answer = await repository.putManifest(about, about.descriptor.digest);
  expect([answer.status, answer.headers['oci-subject']]).toEqual([201, subject.descriptor.digest]);
});

describe('what a manifest refers to', () => {
  it('must be there, and every absence is told', async () => {
    const [there, absent, alsoAbsent] = [someBlob(), someBlob(), someBlob()] as const;
    const image = someImage({ layers: [there, absent, alsoAbsent] });
    await repository.pushBlob(there);
    for (const blob of image.blobs.slice(0, 1)) await repository.pushBlob(blob);
    const answer = await repository.putManifest(image, 'incomplete');
    expect(refusalOf(answer)).toEqual([400, 'MANIFEST_BLOB_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN']);
    for (const { descriptor } of [absent, alsoAbsent])
      expect(answer.body.toString()).toContain(descriptor.digest);
    expect((await repository.head('manifests/incomplete')).status).toBe(404);
  });

  it('must be there in the same repository', async () => {
    const image = someImage();
    await createRepositoryClient(datastore, 'push/elsewhere').pushImage(image);
    expect(refusalOf(await repository.putManifest(image, 'v1'))).toContain('MANIFEST_BLOB_UNKNOWN');
  });

  it('need not be there where it comes from elsewhere, or is a manifest of an index', async () => {
    const foreign = contentOf(
      Buffer.from('foreign'),
      'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    );
    const image = someImage({ mediaType: DOCKER_MANIFEST, layers: [foreign] });
    await repository.pushBlob(image.blobs[0] ?? image);
    expect((await repository.putManifest(image, 'foreign')).status).toBe(201);
    expect((await repository.putManifest(indexOf([someImage(), image]), 'sparse')).status).toBe(201);
  });

  it('must be of the size that is said', async () => {
    const blob = someBlob();
    const lying = { ...blob, descriptor: { ...blob.descriptor, size: blob.bytes.length + 1 } };
    const image = someImage({ layers: [lying] });
    for (const each of image.blobs) await repository.pushBlob(each);
    expect(refusalOf(await repository.putManifest(image, 'lying'))).toEqual([400, 'SIZE_INVALID']);
  });
});

describe('is refused', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const typed = (bytes: string | Buffer, mediaType = OCI_MANIFEST) =>
    contentOf(Buffer.from(bytes), mediaType);
  it.each([
    ['under another digest', typed(someImage().bytes), digest, [400, 'DIGEST_INVALID']],
    ['under no digest', typed(someImage().bytes), 'sha256:abc', [400, 'DIGEST_INVALID']],
    ['under no tag', typed(someImage().bytes), '-a', [400, 'TAG_INVALID']],
    ['under a long tag', typed(someImage().bytes), 'x'.repeat(129), [400, 'TAG_INVALID']],
    ['without content', typed(''), 'v1', [400, 'MANIFEST_INVALID']],
    ['as no JSON', typed('{'), 'v1', [400, 'MANIFEST_INVALID']],
    ['as a deep document', typed('['.repeat(MIB)), 'v1', [400, 'MANIFEST_INVALID']],
    [
      'as schema 1',
      typed('{}', 'application/vnd.docker.distribution.manifest.v1+json'),
      'v1',
      [400, 'MANIFEST_INVALID'],
    ],
    ['as what nobody keeps', typed('{}', 'application/json'), 'v1', [415, 'UNSUPPORTED']],
    [
      'as another kind than it says',
      typed(someImage().bytes, DOCKER_MANIFEST),
      'v1',
      [400, 'MANIFEST_INVALID'],
    ],
    [
      'as image and index at once',
      typed(someImage({ more: { manifests: [] } }).bytes),
      'v1',
      [400, 'MANIFEST_INVALID'],
    ],
    ['larger than 4 MiB', typed(Buffer.alloc(4 * MIB + 1, ' ')), 'v1', [413, 'MANIFEST_INVALID']],
  ])('%s', async (_what, content, reference, expected) => {
    expect(refusalOf(await repository.putManifest(content, reference))).toEqual(expected);
    expect((await repository.head('manifests/v1')).status).toBe(404);
  });

  it('while it comes, where it is larger and does not say so', async () => {
    const response = await fetch(`${datastore.url}${repository.at('manifests/v1')}`, {
      method: 'PUT',
      headers: { authorization: 'Bearer token-of-the-loopback-datastore', 'content-type': OCI_MANIFEST },
      body: new ReadableStream({
        start(controller) {
          for (let sent = 0; sent <= 4 * MIB; sent += MIB) controller.enqueue(Buffer.alloc(MIB, ' '));
          controller.enqueue(Buffer.alloc(1, ' '));
          controller.close();
        },
      }),
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
  });
});

it('may be as large as 4 MiB', async () => {
  const layers = [someBlob()];
  const image = someImage({
    layers,
    more: { annotations: { 'org.example.large': 'x'.repeat(4 * MIB - 2000) } },
  });
  expect(image.bytes.length).toBeGreaterThan(4 * MIB - 2000);
  await repository.pushImage(image, 'large');
  await expectThere(image, 'large');
});
