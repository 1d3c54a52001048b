// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { imageArchive, type ManifestDocument } from './image-archive.ts';
import { DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from './media-types.ts';

const hexOf = (text: string) => createHash('sha256').update(text).digest('hex');
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const descriptor = (content: string, mediaType: string) => ({
  ...{ mediaType, digest: `sha256:${hexOf(content)}`, size: content.length },
});
function documentOf(mediaType: string, members: object): ManifestDocument {
  const text = JSON.stringify({ schemaVersion: 2, mediaType, ...members });
  return { digest: { algorithm: 'sha256', hex: hexOf(text) }, mediaType, bytes: Buffer.from(text) };
}
const imageOf = (config: string, configType: string, ...layers: string[]) =>
  documentOf(OCI_MANIFEST, {
    config: descriptor(config, configType),
    layers: layers.map((layer) => descriptor(layer, LAYER)),
  });
const path = (content: string | Buffer) => `blobs/sha256/${hexOf(String(content))}`;

const IMAGE = imageOf('config', OCI_CONFIG, 'one', 'two');
const NAMES = ['lab.local/app:1', 'lab.local/app:latest'];

/** The names of the files, and the documents of those that are JSON. */
function summaryOf(files: ReturnType<typeof imageArchive>) {
  const json = (name: string) => {
    const found = files.find((file) => file.name === name)?.content;
    return found?.kind === 'bytes' ? JSON.parse(found.bytes.toString()) : undefined;
  };
  return { names: files.map(({ name }) => name), index: json('index.json'), saved: json('manifest.json') };
}

it('holds an image for engines with layouts and for those without', () => {
  const { names, index, saved } = summaryOf(imageArchive([{ manifest: IMAGE, children: [], names: NAMES }]));
  expect(names).toEqual([
    'oci-layout',
    'index.json',
    'manifest.json',
    path(IMAGE.bytes),
    ...['config', 'one', 'two'].map(path),
  ]);
  expect(index.manifests).toEqual(
    NAMES.map((name) => ({
      ...{ mediaType: OCI_MANIFEST, digest: `sha256:${IMAGE.digest.hex}`, size: IMAGE.bytes.length },
      annotations: {
        'io.containerd.image.name': name,
        'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
      },
    })),
  );
  expect(saved).toEqual([{ Config: path('config'), RepoTags: NAMES, Layers: ['one', 'two'].map(path) }]);
});

it('holds what images share once', () => {
  const other = imageOf('other', OCI_CONFIG, 'one');
  const { names, saved } = summaryOf(
    imageArchive([
      { manifest: IMAGE, children: [], names: NAMES },
      { manifest: other, children: [], names: [] },
    ]),
  );
  expect(names.filter((name) => name === path('one'))).toHaveLength(1);
  expect(saved[1]).toEqual({ Config: path('other'), RepoTags: null, Layers: [path('one')] });
});

it('holds an index with the children that are here', () => {
  const index = documentOf(OCI_INDEX, {
    manifests: [descriptor(IMAGE.bytes.toString(), OCI_MANIFEST), descriptor('absent', OCI_MANIFEST)],
  });
  const { names, saved } = summaryOf(imageArchive([{ manifest: index, children: [IMAGE], names: NAMES }]));
  expect(names).toEqual([
    'oci-layout',
    'index.json',
    path(index.bytes),
    path(IMAGE.bytes),
    ...['config', 'one', 'two'].map(path),
  ]);
  expect(saved).toBeUndefined();
});

it.each<[string, ManifestDocument, boolean]>([
  ['an image of OCI', IMAGE, true],
  [
    'an image of Docker',
    documentOf(DOCKER_MANIFEST, { config: descriptor('c', DOCKER_CONFIG), layers: [] }),
    true,
  ],
  ['an artifact', imageOf('{}', 'application/vnd.lab.config'), false],
  [
    'an image with a layer from elsewhere',
    documentOf(OCI_MANIFEST, {
      config: descriptor('c', OCI_CONFIG),
      layers: [descriptor('far', 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip')],
    }),
    false,
  ],
])('says to engines without layouts of %s: %s', (_title, manifest, isLoadable) => {
  const { names, saved } = summaryOf(imageArchive([{ manifest, children: [], names: [] }]));
  expect(saved !== undefined).toBe(isLoadable);
  expect(names).not.toContain(path('far'));
});
