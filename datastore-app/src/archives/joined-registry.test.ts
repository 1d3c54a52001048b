// SPDX-License-Identifier: Apache-2.0
import { tar } from '@local-datastore/shared/tar/testing/tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RegistryStore } from '../blobs/registry-store.ts';
import {
  createTestRegistry,
  digestOf,
  manifestOf,
  pieces,
  type TestRegistry,
} from '../blobs/testing/test-registry.ts';
import { CONFIG, CONFIG_MEMBER, hexOf, LAYERS, SAVED, saved } from '../formats/testing/container-archives.ts';
import { joinRegistry } from './joined-registry.ts';
import { type ArchiveScene, createArchiveScene } from './testing/archive-scene.ts';

const ARCHIVE = tar(
  CONFIG_MEMBER,
  { name: 'a/layer.tar', content: LAYERS[0] },
  { name: 'b/layer.tar', content: LAYERS[1] },
  saved(SAVED),
);
const LAYER = { algorithm: 'sha256', hex: hexOf(LAYERS[0]) } as const;

let local: TestRegistry;
let scene: ArchiveScene;
let registry: RegistryStore;
beforeEach(async () => {
  local = await createTestRegistry();
  scene = await createArchiveScene({ 'b.tar': ARCHIVE, 'd.tar': ARCHIVE });
  registry = joinRegistry(local.registry, await scene.openRegistry());
});
afterEach(async () => {
  await local.remove();
  await scene.remove();
});

const names = async (limit: number, last?: string) =>
  registry.listRepositories({ limit, last, isVisible: () => true });

it('lists both in one order, page by page', async () => {
  for (const name of ['a', 'archived', 'z']) await local.pushImage(name, '1', [`layer of ${name}`]);
  const all = ['a', 'archived', 'archives/b', 'archives/d', 'z'];
  expect(await names(9)).toEqual({ names: all, isMore: false });
  const seen: string[] = [];
  for (let last: string | undefined; ; ) {
    const page = await names(2, last);
    expect(page.names.length).toBeLessThanOrEqual(2);
    seen.push(...page.names);
    last = page.names.at(-1);
    if (!page.isMore) break;
  }
  expect(seen).toEqual(all);
});

it('reads each from where it is', async () => {
  await local.pushImage('lab/app', '1', ['one']);
  expect(await registry.listTags('lab/app', { limit: 9 })).toEqual({ names: ['1'], isMore: false });
  expect(await registry.statManifest('lab/app', { tag: '1' })).toBeDefined();
  expect(await registry.listTags('archives/b', { limit: 9 })).toEqual({ names: ['1'], isMore: false });
  expect(await registry.statManifest('archives/b', { tag: '1' })).toBeDefined();
  expect(await registry.statBlob('archives/b', LAYER, { isForPush: true })).toMatchObject({
    sizeBytes: LAYERS[0].length,
  });
  // Whoever may not read the archive does not get at its layers by another name.
  expect(await registry.statBlob('lab/app', LAYER, { isForPush: true })).toBeUndefined();
});

describe('archives are not written to', () => {
  const config = { algorithm: 'sha256', hex: hexOf(CONFIG) } as const;
  it.each<[string, () => Promise<unknown>]>([
    ['an upload', () => registry.createUpload('archives/b')],
    ['an upload to the name above all', () => registry.createUpload('archives')],
    ['a piece', () => registry.appendUpload('archives/b', '0'.repeat(32), undefined, pieces('x'))],
    ['an end', () => registry.finishUpload('archives/b', '0'.repeat(32), config)],
    ['a mount', () => registry.mountBlob(config, { from: 'lab/app', to: 'archives/b', mayPull: () => true })],
    ['a manifest', () => registry.putManifest('archives/b', manifestOf('{}', []))],
    ['the end of a blob', () => registry.deleteBlob('archives/b', config)],
    ['the end of a tag', () => registry.deleteTag('archives/b', '1')],
    ['the end of a manifest', () => registry.deleteManifest('archives/b', config)],
    ['a release', () => registry.releaseTag('archives/b', '1', true)],
  ])('%s', async (_what, change) => {
    await expect(change()).rejects.toMatchObject({
      code: 'READ_ONLY',
      message: expect.stringContaining('archives among the images'),
    });
  });
});

it('gives no repository a blob of an archive, which may go at any time: it is to be sent', async () => {
  const options = { from: 'archives/b', to: 'lab/app', mayPull: () => true };
  expect(await registry.mountBlob(LAYER, options)).toBe(false);
  expect(await registry.createUpload('lab/app')).toMatchObject({ receivedBytes: 0 });
  await local.push('lab/app', 'x');
  expect(await registry.statBlob('lab/app', digestOf('x'), { isForPush: false })).toBeDefined();
});
