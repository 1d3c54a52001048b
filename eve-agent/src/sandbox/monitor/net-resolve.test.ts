// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ImageResolution } from '../../reconcile/image-resolution.ts';
import { parseRegistryImage, type RegistryImage } from '../../registry/image-reference.ts';
import { hostPlatform } from '../../registry/resolve-image.ts';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { NET_RIGHTS } from '../calves/net/net-keys.ts';
import { toJson } from '../exchange/ask-messages.ts';
import { splitLong } from '../exchange/long-value.ts';
import { createDirectStoreClient } from '../store/direct-client.ts';
import { createKeyStore, PRIV } from '../store/key-store.ts';
import { createNetJobs, type NetJobs } from './net-jobs.ts';

const { signal } = new AbortController();
const WISH = hostPlatform('x64');
const bytesOf = (document: object) => Buffer.from(JSON.stringify(document));
const digestOf = (bytes: Buffer) => formatDigest(contentDigest(bytes));
const blob = (digit: string) => ({ mediaType: OCI_CONFIG, digest: `sha256:${digit.repeat(64)}`, size: 3 });
const imageOf = (layer: string) =>
  bytesOf({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: blob('c'), layers: [blob(layer)] });
const indexOf = (manifest: Buffer, architecture = 'amd64') =>
  bytesOf({
    ...{ schemaVersion: 2, mediaType: OCI_INDEX },
    manifests: [
      {
        ...{ mediaType: OCI_MANIFEST, digest: digestOf(manifest), size: manifest.length },
        platform: { os: 'linux', architecture },
      },
    ],
  });
const resolutionOf = (first: Buffer, manifest: Buffer, layer: string): ImageResolution => ({
  digest: digestOf(first),
  manifest: {
    ...{ digest: digestOf(manifest), sha256: contentDigest(manifest).hex },
    ...{ mediaType: OCI_MANIFEST, sizeBytes: manifest.length },
  },
  blobs: ['c', layer].map((digit) => ({ sha256: digit.repeat(64), sizeBytes: 3 })),
});
const documentsOf = (...documents: readonly Buffer[]) =>
  documents.map((bytes) => ({
    mediaType: (JSON.parse(bytes.toString()) as { mediaType: string }).mediaType,
    base64: bytes.toString('base64'),
  }));

const WANTED = imageOf('a');
const INDEX = indexOf(WANTED);
const OTHER = imageOf('b');
const FOREIGN = indexOf(WANTED, 'riscv64');
const TRUE = resolutionOf(INDEX, WANTED, 'a');
const LIE = resolutionOf(INDEX, OTHER, 'b');

let audited: AuditEntry[];
beforeEach(() => {
  audited = [];
});

/** What is ordered of a calf that says this. */
function jobsWith(said: object): NetJobs {
  const audit = { append: (entry: AuditEntry) => void (entry.verdict === 'ok' || audited.push(entry)) };
  const store = createKeyStore({ audit, log: silentLog });
  const jobs = createNetJobs({
    ...{ store, audit, actor: 'net', owner: PRIV, wish: WISH },
    pathOf: () => expect.unreachable(),
  });
  const calf = createDirectStoreClient({ store, audit }, { actor: 'net', rights: NET_RIGHTS });
  let hasAnswered = false;
  store.watch('/resolve/*/order/whole', ({ path: [, id = ''], value }) => {
    if (value === null || hasAnswered) return;
    hasAnswered = true;
    for (const part of splitLong(['resolve', id, 'outcome'], toJson({ done: said }))) {
      void calf.write(part.path, part.value);
    }
  });
  return jobs;
}
const requestOf = (image: RegistryImage) => ({
  ...{ image, authorization: null, ca: null, avoidedAddresses: new Set<string>() },
});
/** What priv makes of it. */
const resolve = (image: RegistryImage, said: object) =>
  jobsWith(said).steps.resolve(requestOf(image), signal);
const pinned = (bytes: Buffer) => parseRegistryImage(`docker://ds.local/app@${digestOf(bytes)}`);

it.each([
  ['an index', INDEX, TRUE, documentsOf(INDEX, WANTED)],
  ['an image', WANTED, resolutionOf(WANTED, WANTED, 'a'), documentsOf(WANTED)],
  ['an index, among others', INDEX, TRUE, documentsOf(OTHER, WANTED, INDEX)],
])(
  'an image that is named by the digest of %s is what follows from that',
  async (_, first, resolution, documents) => {
    expect(await resolve(pinned(first), { resolution: LIE, documents })).toEqual(resolution);
    expect(audited).toEqual([]);
  },
);

it.each([
  ['nothing that shows it', documentsOf()],
  ['no manifest behind the index', documentsOf(INDEX)],
  ['another image', documentsOf(OTHER)],
  ['another image behind the index', documentsOf(INDEX, OTHER)],
  [
    'an index that is called an image',
    documentsOf(INDEX, WANTED).map((each) => ({ ...each, mediaType: OCI_MANIFEST })),
  ],
  ['another index before the image', documentsOf(indexOf(OTHER), OTHER, WANTED)],
])('an image that is named by a digest is refused with %s', async (_, documents) => {
  await expect(resolve(pinned(INDEX), { resolution: LIE, documents })).rejects.toThrow(
    'does not follow from its digest',
  );
  expect(audited).toMatchObject([{ actor: 'net', path: '/resolve', verdict: 'DENIED' }]);
});

it('what a tag leads to is as it is said: there is nothing to hold it against', async () => {
  expect(
    await resolve(parseRegistryImage('docker://ds.local/app:1'), { resolution: LIE, documents: [] }),
  ).toEqual(LIE);
  expect(audited).toEqual([]);
});

describe('an image that is pulled by its tag', () => {
  const pull = (said: object) =>
    jobsWith(said).resolveImage(requestOf(parseRegistryImage('docker://ds.local/app:1')), WISH, signal);

  it('is what follows from the digest that it is said to have', async () => {
    const { digest, manifest, blobs } = await pull({
      ...{ resolution: { ...LIE, digest: TRUE.digest }, documents: documentsOf(INDEX, WANTED) },
    });
    expect([formatDigest(digest), manifest.bytes]).toEqual([TRUE.digest, WANTED]);
    expect(blobs.map((each) => each.digest.hex)).toEqual(TRUE.blobs.map(({ sha256 }) => sha256));
    expect(audited).toEqual([]);
  });

  it.each([
    ['documents that do not show it', TRUE, documentsOf(OTHER)],
    ['no documents', TRUE, []],
    ['a digest that is none', { ...TRUE, digest: 'sha256:12' }, documentsOf(INDEX, WANTED)],
    ['an image for another host', resolutionOf(FOREIGN, WANTED, 'a'), documentsOf(FOREIGN, WANTED)],
  ])('is refused with %s', async (_, resolution, documents) => {
    await expect(pull({ resolution, documents })).rejects.toThrow('does not follow from its digest');
    expect(audited).toMatchObject([{ actor: 'net', path: '/resolve', verdict: 'DENIED' }]);
  });
});
