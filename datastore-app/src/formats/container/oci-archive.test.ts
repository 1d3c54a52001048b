// SPDX-License-Identifier: Apache-2.0
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_INDEX,
  OCI_MANIFEST,
} from '@local-datastore/shared/oci/media-types';
import { paxMember, tar } from '@local-datastore/shared/tar/testing/tar';
import { describe, expect, it } from 'vitest';
import {
  blob,
  CONFIG,
  CONFIG_TYPE,
  descriptor,
  digestOf,
  hexOf,
  IMAGE_BLOBS,
  indexFile,
  json,
  LAYERS,
  LAYOUT,
  MANIFEST,
  SAVED,
  saved,
  summaryOf,
  viewOf,
} from '../testing/container-archives.ts';
import { ArchiveError } from './container-archive.ts';

describe('of an image layout', () => {
  const named = { 'org.opencontainers.image.ref.name': '1' };
  const whole = { names: ['1'], mediaType: OCI_MANIFEST, layers: [...LAYERS], config: CONFIG };

  it('serves what it holds byte for byte', async () => {
    const archive = tar(
      LAYOUT,
      ...IMAGE_BLOBS,
      indexFile(descriptor(MANIFEST, OCI_MANIFEST, { annotations: named })),
    );
    const view = await viewOf(archive);
    expect(view?.form).toBe('oci-archive');
    expect(summaryOf(archive, view)).toEqual([whole]);
    expect(view?.manifests[0]?.bytes).toEqual(MANIFEST);
  });

  it('prefers it to the manifest.json that Docker writes beside it, and the whole name to the tag', async () => {
    const annotations = { ...named, 'io.containerd.image.name': 'docker.io/lab/app:1' };
    const archive = tar(
      ...IMAGE_BLOBS,
      indexFile(descriptor(MANIFEST, OCI_MANIFEST, { annotations })),
      saved({ ...SAVED, Config: `blobs/sha256/${hexOf(CONFIG)}`, Layers: [] }),
      LAYOUT,
    );
    expect(summaryOf(archive, await viewOf(archive))).toEqual([{ ...whole, names: ['docker.io/lab/app:1'] }]);
  });

  it.each([OCI_INDEX, DOCKER_LIST])(
    'serves an index (%s) with the children that are there',
    async (mediaType) => {
      const absent = json({ schemaVersion: 2, absent: true });
      const index = json({
        schemaVersion: 2,
        mediaType,
        manifests: [descriptor(MANIFEST, OCI_MANIFEST), descriptor(absent, OCI_MANIFEST)],
      });
      const archive = tar(LAYOUT, ...IMAGE_BLOBS, blob(index), indexFile(descriptor(index, mediaType)));
      const view = await viewOf(archive);
      expect(view?.images).toEqual([{ names: [], digest: { algorithm: 'sha256', hex: hexOf(index) } }]);
      expect(view?.manifests.map(({ digest }) => digest.hex)).toEqual([hexOf(index), hexOf(MANIFEST)]);
      expect(view?.blobs).toHaveLength(3);
    },
  );

  it('hashes by the algorithm that a digest names', async () => {
    const config = { ...descriptor(CONFIG, CONFIG_TYPE), digest: `sha512:${hexOf(CONFIG, 'sha512')}` };
    const manifest = json({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] });
    const { name } = blob(CONFIG, 'sha512');
    const archive = tar(
      LAYOUT,
      paxMember({ path: name }),
      { name: 'cut', content: CONFIG },
      blob(manifest),
      indexFile(descriptor(manifest, OCI_MANIFEST)),
    );
    expect(summaryOf(archive, await viewOf(archive))?.[0]?.config).toEqual(CONFIG);
  });

  it('passes over what stands in the index and is no image', async () => {
    const note = json({ note: true });
    const archive = tar(
      LAYOUT,
      ...IMAGE_BLOBS,
      blob(note),
      indexFile(descriptor(note, 'application/json'), descriptor(MANIFEST, OCI_MANIFEST)),
    );
    expect(summaryOf(archive, await viewOf(archive))).toEqual([{ ...whole, names: [] }]);
  });

  it('takes a Docker manifest, and a layer that is to be had elsewhere', async () => {
    const manifest = json({
      schemaVersion: 2,
      mediaType: DOCKER_MANIFEST,
      config: descriptor(CONFIG, 'application/vnd.docker.container.image.v1+json'),
      layers: [descriptor(Buffer.from('far'), 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')],
    });
    const archive = tar(
      LAYOUT,
      blob(CONFIG),
      blob(manifest),
      indexFile(descriptor(manifest, DOCKER_MANIFEST)),
    );
    expect(summaryOf(archive, await viewOf(archive))?.[0]).toMatchObject({ mediaType: DOCKER_MANIFEST });
  });

  const wrongSize = json({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { ...descriptor(CONFIG, CONFIG_TYPE), size: 1 },
    layers: [],
  });
  it.each<readonly [string, Buffer, string]>([
    [
      'a manifest that is not there',
      tar(LAYOUT, indexFile(descriptor(MANIFEST, OCI_MANIFEST))),
      'which is not in it',
    ],
    [
      'a layer that is not there',
      tar(LAYOUT, blob(MANIFEST), blob(CONFIG), indexFile(descriptor(MANIFEST, OCI_MANIFEST))),
      `needs ${digestOf(LAYERS[0])}`,
    ],
    [
      'a manifest of another content',
      tar(LAYOUT, { ...blob(MANIFEST), content: CONFIG }, indexFile(descriptor(MANIFEST, OCI_MANIFEST))),
      'is damaged',
    ],
    [
      'a layer of another content',
      tar(
        LAYOUT,
        ...IMAGE_BLOBS.slice(0, 3),
        { ...blob(LAYERS[1]), content: LAYERS[0] },
        indexFile(descriptor(MANIFEST, OCI_MANIFEST)),
      ),
      'it is damaged',
    ],
    [
      'a part of another size',
      tar(LAYOUT, blob(CONFIG), blob(wrongSize), indexFile(descriptor(wrongSize, OCI_MANIFEST))),
      `bytes, not 1`,
    ],
    [
      'a manifest that is none',
      tar(LAYOUT, blob(CONFIG), indexFile(descriptor(CONFIG, OCI_MANIFEST))),
      'The manifest is wrong',
    ],
  ])('refuses %s, and says why', async (_title, archive, reason) => {
    const view = viewOf(archive);
    await expect(view).rejects.toThrow(ArchiveError);
    await expect(view).rejects.toThrow(reason);
  });

  it('refuses indexes that lie in each other without end', async () => {
    let inner = MANIFEST;
    let type = OCI_MANIFEST;
    const blobs = [...IMAGE_BLOBS];
    for (let depth = 0; depth < 6; depth += 1) {
      inner = json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor(inner, type)] });
      type = OCI_INDEX;
      blobs.push(blob(inner));
    }
    await expect(viewOf(tar(LAYOUT, ...blobs, indexFile(descriptor(inner, type))))).rejects.toThrow(
      'too deep',
    );
  });
});
