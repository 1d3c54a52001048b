// SPDX-License-Identifier: Apache-2.0
import { gzipSync } from 'node:zlib';
import { OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { paxMember, tar } from '@local-datastore/shared/tar/testing/tar';
import { describe, expect, it } from 'vitest';
import {
  CONFIG,
  CONFIG_MEMBER,
  configOf,
  digestOf,
  indexFile,
  LAYER_TYPE,
  LAYERS,
  LAYOUT,
  SAVED,
  saved,
  summaryOf,
  viewOf,
} from '../testing/container-archives.ts';
import { ArchiveError } from './container-archive.ts';

describe('of docker save', () => {
  const twoLayers = [
    { name: 'a/layer.tar', content: LAYERS[0] },
    { name: 'b/layer.tar', content: LAYERS[1] },
  ];
  const whole = {
    ...{ names: ['lab/app:1'], mediaType: OCI_MANIFEST },
    ...{ layers: [...LAYERS], config: CONFIG },
  };
  it.each<readonly [string, Buffer]>([
    ['layers in folders', tar(CONFIG_MEMBER, ...twoLayers, saved(SAVED))],
    ['its manifest first', tar(saved(SAVED), ...twoLayers, CONFIG_MEMBER)],
    [
      'names with a dot in front',
      tar(
        ...[CONFIG_MEMBER, ...twoLayers, saved(SAVED)].map((each) => ({ ...each, name: `./${each.name}` })),
      ),
    ],
    [
      'a symbolic link to a layer, as skopeo writes it',
      tar(
        CONFIG_MEMBER,
        { name: 'first.tar', content: LAYERS[0] },
        { name: 'a/layer.tar', type: '2', linkName: '../first.tar' },
        { name: 'b/layer.tar', content: LAYERS[1] },
        saved(SAVED),
      ),
    ],
    [
      'a hard link to a layer',
      tar(
        CONFIG_MEMBER,
        { name: 'first.tar', content: LAYERS[0] },
        { name: 'a/layer.tar', type: '1', linkName: 'first.tar' },
        { name: 'b/layer.tar', content: LAYERS[1] },
        saved(SAVED),
      ),
    ],
    [
      'a link of which a pax header says the target',
      tar(
        CONFIG_MEMBER,
        { name: 'first.tar', content: LAYERS[0] },
        paxMember({ linkpath: '../first.tar' }),
        { name: 'a/layer.tar', type: '2', linkName: 'cut' },
        { name: 'b/layer.tar', content: LAYERS[1] },
        saved(SAVED),
      ),
    ],
    [
      'a member twice: the last counts',
      tar(CONFIG_MEMBER, { name: 'a/layer.tar', content: 'old' }, ...twoLayers, saved(SAVED)),
    ],
  ])('%s', async (_title, archive) => {
    expect(summaryOf(archive, await viewOf(archive))).toEqual([whole]);
  });

  it('keeps the id of an image, which is the digest of its config, and writes the same manifest always', async () => {
    const archive = tar(CONFIG_MEMBER, ...twoLayers, saved(SAVED));
    const [first, second] = [await viewOf(archive), await viewOf(archive)];
    expect(first?.form).toBe('docker-archive');
    expect(JSON.parse(String(first?.manifests[0]?.bytes)).config.digest).toBe(digestOf(CONFIG));
    expect(first).toEqual(second);
  });

  it('takes compressed layers as they are', async () => {
    const compressed = gzipSync(LAYERS[0]);
    const archive = tar(
      CONFIG_MEMBER,
      { name: 'a/layer.tar', content: compressed },
      { name: 'b/layer.tar', content: LAYERS[1] },
      saved(SAVED),
    );
    const view = await viewOf(archive);
    expect(summaryOf(archive, view)?.[0]?.layers).toEqual([compressed, LAYERS[1]]);
    const { layers } = JSON.parse(String(view?.manifests[0]?.bytes));
    expect(layers.map(({ mediaType }: { mediaType: string }) => mediaType)).toEqual([
      `${LAYER_TYPE}+gzip`,
      LAYER_TYPE,
    ]);
  });

  it('has several images, of which one has no name, and a layer that they share', async () => {
    const second = configOf(LAYERS[0]);
    const archive = tar(
      CONFIG_MEMBER,
      { name: 'second.json', content: second },
      ...twoLayers,
      saved(SAVED, { Config: 'second.json', RepoTags: null, Layers: ['a/layer.tar'] }),
    );
    const view = await viewOf(archive);
    expect(summaryOf(archive, view)).toEqual([
      whole,
      { names: [], mediaType: OCI_MANIFEST, layers: [LAYERS[0]], config: second },
    ]);
    expect(view?.blobs).toHaveLength(4);
  });

  it.each<readonly [string, Buffer, string]>([
    [
      'a layer that is not there',
      tar(CONFIG_MEMBER, ...twoLayers.slice(1), saved(SAVED)),
      '"a/layer.tar", which is not in it',
    ],
    [
      'a link that leads out of it',
      tar(
        CONFIG_MEMBER,
        { name: 'a/layer.tar', type: '2', linkName: '../../etc/passwd' },
        ...twoLayers.slice(1),
        saved(SAVED),
      ),
      '"a/layer.tar", which is not in it',
    ],
    [
      'links in a circle',
      tar(
        CONFIG_MEMBER,
        { name: 'a/layer.tar', type: '2', linkName: '../b/layer.tar' },
        { name: 'b/layer.tar', type: '2', linkName: '../a/layer.tar' },
        saved(SAVED),
      ),
      'which is not in it',
    ],
    [
      'another number of layers',
      tar(CONFIG_MEMBER, ...twoLayers, saved({ ...SAVED, Layers: ['a/layer.tar'] })),
      'tells of 2 layers, and it has 1',
    ],
    [
      'a config that is none',
      tar({ name: 'c', content: '[]' }, saved({ Config: 'c', Layers: [] })),
      'no config of a container image',
    ],
    [
      'a layer that is another one',
      tar(CONFIG_MEMBER, { name: 'a/layer.tar', content: LAYERS[1] }, ...twoLayers.slice(1), saved(SAVED)),
      'it is damaged',
    ],
    [
      'a layer id that is none',
      tar(
        { name: 'c', content: JSON.stringify({ rootfs: { diff_ids: ['md5:00'] } }) },
        ...twoLayers,
        saved({ Config: 'c', Layers: ['a/layer.tar'] }),
      ),
      '"md5:00" as a layer',
    ],
    ['its end missing', tar(CONFIG_MEMBER, ...twoLayers).subarray(0, -3000), 'ends within a member'],
  ])('refuses %s, and says why', async (_title, archive, reason) => {
    const view = viewOf(archive);
    await expect(view).rejects.toThrow(ArchiveError);
    await expect(view).rejects.toThrow(reason);
  });
});

it.each<readonly [string, Buffer]>([
  ['an empty archive', tar()],
  ['some files', tar({ name: 'a', content: 'x' })],
  ['another manifest.json', tar(saved())],
  ['a layout without an index', tar(LAYOUT)],
  ['an index without a layout', tar(indexFile())],
])('%s is no container archive', async (_title, archive) => {
  expect(await viewOf(archive)).toBeUndefined();
});
