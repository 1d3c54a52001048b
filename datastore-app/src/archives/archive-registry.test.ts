// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { tar } from '@local-datastore/shared/tar/testing/tar';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  blob,
  CONFIG,
  descriptor,
  hexOf,
  IMAGE_BLOBS,
  indexFile,
  json,
  LAYERS,
  LAYOUT,
  MANIFEST,
} from '../formats/testing/container-archives.ts';
import type { RegistryReader } from './archive-registry.ts';
import { type ArchiveScene, bytesOf, createArchiveScene } from './testing/archive-scene.ts';
import { createVerdictFiles } from './verdict-files.ts';

const NOTE = json({
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  artifactType: 'application/vnd.lab.note',
  config: descriptor(CONFIG, 'application/vnd.oci.image.config.v1+json'),
  layers: [],
  subject: descriptor(MANIFEST, OCI_MANIFEST),
});
const INDEX = json({
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests: [descriptor(MANIFEST, OCI_MANIFEST), descriptor(NOTE, OCI_MANIFEST)],
});
const named = { annotations: { 'org.opencontainers.image.ref.name': 'lab/app:1' } };
const ARCHIVE = tar(
  LAYOUT,
  ...IMAGE_BLOBS,
  blob(NOTE),
  blob(INDEX),
  indexFile(descriptor(INDEX, OCI_INDEX, named)),
);
const sha256 = (content: Buffer) => ({ algorithm: 'sha256', hex: hexOf(content) }) as const;

let scene: ArchiveScene;
beforeEach(async () => {
  scene = await createArchiveScene({ 'app.tar': ARCHIVE });
});
afterEach(() => scene.remove());

async function contentOf(registry: RegistryReader, content: Buffer): Promise<Buffer | undefined> {
  const opened = await registry.openBlob('archives/app', sha256(content));
  return opened && bytesOf(opened.source);
}

it.each(['read now', 'remembered'])('serves what an archive holds: %s', async (when) => {
  if (when === 'remembered') await scene.openRegistry();
  const registry = await scene.openRegistry();
  expect(await registry.listRepositories({ limit: 10, isVisible: () => true })).toEqual({
    names: ['archives/app'],
    isMore: false,
  });
  expect(await registry.listTags('archives/app', { limit: 10 })).toEqual({ names: ['1'], isMore: false });
  const index = await registry.readManifest('archives/app', { tag: '1' });
  expect(index).toEqual({ digest: sha256(INDEX), mediaType: OCI_INDEX, bytes: INDEX });
  expect(await registry.statManifest('archives/app', { digest: sha256(MANIFEST) })).toEqual({
    digest: sha256(MANIFEST),
    mediaType: OCI_MANIFEST,
    sizeBytes: MANIFEST.length,
  });
  for (const content of [CONFIG, ...LAYERS]) {
    expect(await registry.statBlob('archives/app', sha256(content), { isForPush: false })).toMatchObject({
      sizeBytes: content.length,
    });
    expect(await contentOf(registry, content)).toEqual(content);
  }
});

it('lists what refers to a manifest, by kind', async () => {
  const registry = await scene.openRegistry();
  const note = { digest: sha256(NOTE), sizeBytes: NOTE.length, mediaType: OCI_MANIFEST };
  const artifactType = 'application/vnd.lab.note';
  expect(await registry.listReferrers('archives/app', sha256(MANIFEST))).toEqual([{ ...note, artifactType }]);
  expect(await registry.listReferrers('archives/app', sha256(MANIFEST), artifactType)).toHaveLength(1);
  expect(await registry.listReferrers('archives/app', sha256(MANIFEST), 'another')).toEqual([]);
  expect(await registry.listReferrers('archives/app', sha256(NOTE))).toEqual([]);
});

it('pages, hides what may not be seen, and knows nothing of other names', async () => {
  const registry = await scene.openRegistry();
  const all = { limit: 10, isVisible: () => true };
  expect((await registry.listRepositories({ ...all, isVisible: () => false })).names).toEqual([]);
  expect((await registry.listRepositories({ ...all, last: 'archives/app' })).names).toEqual([]);
  expect(await registry.listRepositories({ ...all, limit: 0 })).toEqual({ names: [], isMore: true });
  expect(await registry.listTags('archives/app', { limit: 10, last: '1' })).toEqual({
    names: [],
    isMore: false,
  });
  expect(await registry.listTags('archives/other', { limit: 10 })).toBeUndefined();
  expect(await registry.readManifest('archives/app', { tag: '2' })).toBeUndefined();
  expect(await registry.readManifest('archives/other', { digest: sha256(INDEX) })).toBeUndefined();
  expect(await registry.openBlob('archives/other', sha256(CONFIG))).toBeUndefined();
});

it.each<[string, () => Promise<void>]>([
  ['replaced', () => writeFile(join(scene.root, 'app.tar'), 'another')],
  ['removed', () => rm(join(scene.root, 'app.tar'))],
])('serves nothing of a file that was %s since', async (_what, change) => {
  const registry = await scene.openRegistry();
  await change();
  expect(await registry.openBlob('archives/app', sha256(CONFIG))).toBeUndefined();
});

it('remembers nothing that cannot be read', async () => {
  const files = createVerdictFiles(scene);
  await scene.openRegistry();
  const digest = createHash('sha256').update(ARCHIVE).digest('hex');
  expect(await files.load(digest)).toMatchObject({ kind: 'view' });
  await writeFile(join(scene.stateDirectory, 'archives', `${digest}.json`), '{"version":2}');
  expect(await files.load(digest)).toBeUndefined();
  await files.save(digest, { kind: 'none', reason: 'because' });
  expect(await files.load(digest)).toEqual({ kind: 'none', reason: 'because' });
  await files.keepOnly(new Set());
  expect(await files.load(digest)).toBeUndefined();
});
