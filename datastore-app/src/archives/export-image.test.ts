// SPDX-License-Identifier: Apache-2.0
import { OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { tar } from '@local-datastore/shared/tar/testing/tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  blob,
  CONFIG,
  CONFIG_MEMBER,
  CONFIG_TYPE,
  descriptor,
  hexOf,
  IMAGE_BLOBS,
  indexFile,
  json,
  LAYERS,
  LAYOUT,
  MANIFEST,
  SAVED,
  saved,
  viewOf,
} from '../formats/testing/container-archives.ts';
import type { RegistryReader } from './archive-registry.ts';
import { type ExportWish, openExport, planExport } from './export-image.ts';
import { type ArchiveScene, bytesOf, createArchiveScene } from './testing/archive-scene.ts';

const OTHER = json({
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: descriptor(CONFIG, CONFIG_TYPE),
  layers: [],
});
const ARTIFACT = json({
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: descriptor(CONFIG, 'application/vnd.lab.config'),
  layers: [],
});
const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } });
const INDEX = json({
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests: [
    descriptor(MANIFEST, OCI_MANIFEST, platform('amd64')),
    descriptor(OTHER, OCI_MANIFEST, platform('arm64')),
    descriptor(json({ absent: 1 }), OCI_MANIFEST, platform('riscv64')),
    descriptor(json({ attested: 1 }), OCI_MANIFEST, { platform: { os: 'unknown', architecture: 'unknown' } }),
  ],
});
const name = (text: string) => ({ annotations: { 'org.opencontainers.image.ref.name': text } });

let scene: ArchiveScene;
let registry: RegistryReader;
beforeEach(async () => {
  scene = await createArchiveScene({
    'saved.tar': tar(
      CONFIG_MEMBER,
      { name: 'a/layer.tar', content: LAYERS[0] },
      { name: 'b/layer.tar', content: LAYERS[1] },
      saved(SAVED),
    ),
    'layout.tar': tar(
      LAYOUT,
      ...IMAGE_BLOBS,
      ...[OTHER, ARTIFACT, INDEX].map((each) => blob(each)),
      indexFile(
        descriptor(INDEX, OCI_INDEX, name('all')),
        descriptor(MANIFEST, OCI_MANIFEST, name('one')),
        descriptor(ARTIFACT, OCI_MANIFEST, name('artifact')),
      ),
    ),
  });
  registry = await scene.openRegistry();
});
afterEach(() => scene.remove());

const wish = (tag: string, more: Partial<ExportWish> = {}): ExportWish => ({
  ...{ repository: 'archives/layout', reference: { tag }, form: 'oci-archive' },
  ...more,
});

async function exported(wanted: ExportWish): Promise<Buffer> {
  const plan = await planExport(registry, wanted);
  const bytes = await bytesOf(await openExport(registry, wanted.repository, plan));
  expect(bytes).toHaveLength(plan.sizeBytes);
  return bytes;
}

describe('an export is an archive that can be read again', () => {
  const names = ['lab.local/app:1'];
  it.each<[string, ExportWish, Buffer, number]>([
    ['one image', wish('one'), MANIFEST, 1],
    ['one image for every engine', wish('one', { form: 'docker-archive' }), MANIFEST, 1],
    ['an index with what of it is here', wish('all'), INDEX, 3],
    [
      'an image of an index',
      wish('all', { platform: { os: 'linux', architecture: 'arm64', variant: '' } }),
      OTHER,
      1,
    ],
    [
      'an image of an index for every engine',
      wish('all', { form: 'docker-archive', platform: { os: 'linux', architecture: 'amd64', variant: '' } }),
      MANIFEST,
      1,
    ],
    ['an artifact', wish('artifact'), ARTIFACT, 1],
    [
      'an image by its digest',
      wish('', { reference: { digest: { algorithm: 'sha256', hex: hexOf(OTHER) } } }),
      OTHER,
      1,
    ],
  ])('%s', async (_title, wanted, manifest, manifests) => {
    const view = await viewOf(await exported({ ...wanted, name: names[0] }));
    expect(view?.images).toEqual([{ names, digest: { algorithm: 'sha256', hex: hexOf(manifest) } }]);
    expect(view?.manifests).toHaveLength(manifests);
  });
});

it('exports what docker save wrote so that the image keeps its id, and the same bytes each time', async () => {
  const wanted: ExportWish = {
    ...{ repository: 'archives/saved', reference: { tag: '1' }, form: 'docker-archive' },
  };
  const [first, second] = [await exported(wanted), await exported(wanted)];
  expect(first.equals(second)).toBe(true);
  const view = await viewOf(first);
  expect(JSON.parse(String(view?.manifests[0]?.bytes)).config.digest).toBe(`sha256:${hexOf(CONFIG)}`);
});

it.each<[string, ExportWish, string, string]>([
  ['a tag that is not there', wish('none'), 'IMAGE_UNKNOWN', 'archives/layout:none'],
  [
    'a repository that is not there',
    wish('one', { repository: 'archives/none' }),
    'IMAGE_UNKNOWN',
    'archives/none:one',
  ],
  [
    'an index for every engine',
    wish('all', { form: 'docker-archive' }),
    'PLATFORM_UNKNOWN',
    'linux/amd64, linux/arm64',
  ],
  [
    'a platform that nobody made',
    wish('all', { platform: { os: 'linux', architecture: 's390x', variant: '' } }),
    'PLATFORM_UNKNOWN',
    'no image for linux/s390x',
  ],
  [
    'an image that was left out',
    wish('all', { platform: { os: 'linux', architecture: 'riscv64', variant: '' } }),
    'CONTENT_MISSING',
    'only a part was pushed',
  ],
  ['an artifact for engines', wish('artifact', { form: 'docker-archive' }), 'NOT_LOADABLE', 'oci-archive'],
])('refuses %s, and says why', async (_title, wanted, code, message) => {
  await expect(planExport(registry, wanted)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});

it('says what is missing, and leaves no file open', async () => {
  const plan = await planExport(registry, wish('one'));
  let open = 0;
  const torn: RegistryReader = {
    ...registry,
    async openBlob(repository, digest) {
      if (digest.hex === hexOf(LAYERS[1])) return undefined;
      const opened = await registry.openBlob(repository, digest);
      if (opened === undefined) return undefined;
      open += 1;
      const close = () => {
        open -= 1;
        opened.source.close();
      };
      return { ...opened, source: { ...opened.source, close } };
    },
  };
  await expect(openExport(torn, 'archives/layout', plan)).rejects.toMatchObject({ code: 'CONTENT_MISSING' });
  expect(open).toBe(0);
});
