// SPDX-License-Identifier: Apache-2.0
/** Archives of one image, made by hand for tests, in the forms that programs write. */
import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { type TestMember, tar } from '@local-datastore/shared/tar/testing/tar';

export const hexOf = (bytes: Buffer | string, algorithm = 'sha256'): string =>
  createHash(algorithm).update(bytes).digest('hex');
export const json = (document: unknown): Buffer => Buffer.from(JSON.stringify(document));

export const LAYERS: readonly Buffer[] = [
  tar({ name: 'etc/', type: '5' }, { name: 'etc/first', content: 'one\n' }),
  tar({ name: 'etc/second', content: 'two\n'.repeat(300) }),
];

/** @param more replaces what the config has */
export const configOf = (layers: readonly Buffer[], more: object = {}): Buffer =>
  json({
    architecture: 'amd64',
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config: { Cmd: ['/bin/app'], Env: ['A=b'], ExposedPorts: { '80/tcp': {} }, Labels: null },
    history: layers.map(() => ({ created: '2026-01-01T00:00:00Z' })),
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${hexOf(layer)}`) },
    ...more,
  });

export type Encoding = 'plain' | 'gzip' | 'gzip members' | 'zstd' | 'zstd frames';

const halves = (content: Buffer) => {
  const middle = Math.floor(content.length / 2);
  return [content.subarray(0, middle), content.subarray(middle)];
};
/** RFC 8878 §3.1.2. */
const SKIPPABLE = Buffer.from('5e2a4d180400000061626364', 'hex');

export const ENCODINGS: Readonly<Record<Encoding, (content: Buffer) => Buffer>> = {
  plain: (content) => content,
  gzip: (content) => gzipSync(content),
  'gzip members': (content) => Buffer.concat(halves(content).map((half) => gzipSync(half))),
  zstd: (content) => zstdCompressSync(content),
  'zstd frames': (content) =>
    Buffer.concat([SKIPPABLE, ...halves(content).flatMap((half) => [zstdCompressSync(half), SKIPPABLE])]),
};

/** An image, and how its layers are stored. */
export interface Recipe {
  readonly layers?: readonly Buffer[];
  readonly config?: Buffer;
  readonly layerEncoding?: Encoding;
}

interface Parts {
  readonly config: Buffer;
  readonly layers: readonly Buffer[];
  readonly stored: readonly Buffer[];
}

function partsOf({ layers = LAYERS, config = configOf(layers), layerEncoding = 'plain' }: Recipe): Parts {
  return { config, layers, stored: layers.map((layer) => ENCODINGS[layerEncoding](layer)) };
}

const file = (name: string, content: Buffer | string): TestMember => ({ name, content });
export const blobName = (content: Buffer) => `blobs/sha256/${hexOf(content)}`;
export const blob = (content: Buffer): TestMember => file(blobName(content), content);
export const descriptorOf = (content: Buffer, mediaType: string, more: object = {}) => ({
  mediaType,
  digest: `sha256:${hexOf(content)}`,
  size: content.length,
  ...more,
});
const savedFile = (config: string, layers: readonly string[], tags: readonly string[] | null = ['web:1']) =>
  file('manifest.json', json([{ Config: config, RepoTags: tags, Layers: layers }]));
export const LAYOUT_MARK: TestMember = file('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
export const indexFile = (...manifests: readonly object[]): TestMember =>
  file('index.json', json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));

/** By how content begins. */
const SUFFIXES: readonly (readonly [magic: string, suffix: string])[] = [
  ['1f8b', '+gzip'],
  ['28b52ffd', '+zstd'],
  ['5e2a4d18', '+zstd'],
];
export function layerTypeOf(stored: Buffer): string {
  const magic = stored.toString('hex', 0, 4);
  const suffix = SUFFIXES.find(([start]) => magic.startsWith(start))?.[1] ?? '';
  return `application/vnd.oci.image.layer.v1.tar${suffix}`;
}

/** @param layerType of all layers; else each has that of its content */
export function manifestOf({ config, stored }: Pick<Parts, 'config' | 'stored'>, layerType?: string): Buffer {
  return json({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptorOf(config, OCI_CONFIG),
    layers: stored.map((layer) => descriptorOf(layer, layerType ?? layerTypeOf(layer))),
  });
}

/** As `docker save` wrote them up to 24: a folder a layer, the documents last. */
function dockerOfOld(recipe: Recipe): TestMember[] {
  const { config, stored } = partsOf(recipe);
  const folders = stored.map((_layer, i) => hexOf(`layer ${i}`));
  return [
    file(`${hexOf(config)}.json`, config),
    ...stored.flatMap((layer, i) => [
      { name: `${folders[i]}/`, type: '5' },
      file(`${folders[i]}/VERSION`, '1.0'),
      file(`${folders[i]}/json`, json({ id: folders[i] })),
      file(`${folders[i]}/layer.tar`, layer),
    ]),
    savedFile(
      `${hexOf(config)}.json`,
      folders.map((folder) => `${folder}/layer.tar`),
    ),
    file('repositories', json({ web: { 1: folders.at(-1) } })),
  ];
}

/** As `docker save` writes them from 25 on: a layout that `manifest.json` describes too. */
function dockerOfNow(recipe: Recipe): TestMember[] {
  const { config, stored } = partsOf(recipe);
  const manifest = manifestOf({ config, stored });
  const sources = Object.fromEntries(
    stored.map((layer) => [`sha256:${hexOf(layer)}`, descriptorOf(layer, 'x')]),
  );
  return [
    { name: 'blobs/', type: '5' },
    { name: 'blobs/sha256/', type: '5' },
    ...[config, ...stored, manifest].map(blob),
    indexFile(
      descriptorOf(manifest, OCI_MANIFEST, {
        annotations: {
          'io.containerd.image.name': 'docker.io/library/web:1',
          'org.opencontainers.image.ref.name': '1',
        },
      }),
    ),
    file(
      'manifest.json',
      json([
        {
          Config: blobName(config),
          RepoTags: ['web:1'],
          Layers: stored.map(blobName),
          LayerSources: sources,
        },
      ]),
    ),
    LAYOUT_MARK,
    file('repositories', json({ web: { 1: hexOf(config) } })),
  ];
}

/** As skopeo, podman and buildah write docker archives: layers by their digests, links to them. */
function skopeo(recipe: Recipe): TestMember[] {
  const { config, layers, stored } = partsOf(recipe);
  const names = layers.map((layer) => `${hexOf(layer)}.tar`);
  return [
    ...stored.map((layer, i) => file(names[i] ?? '', layer)),
    ...names.flatMap((name, i) => [
      { name: `${hexOf(`v1 ${i}`)}/layer.tar`, type: '2', linkName: `../${name}` },
      file(`${hexOf(`v1 ${i}`)}/VERSION`, '1.0'),
    ]),
    file(`${hexOf(config)}.json`, config),
    savedFile(`${hexOf(config)}.json`, names, null),
  ];
}

/** As kaniko and go-containerregistry do. */
function kaniko(recipe: Recipe): TestMember[] {
  const { config, stored } = partsOf(recipe);
  const names = stored.map((layer) => `${hexOf(layer)}.tar.gz`);
  return [
    file(`sha256:${hexOf(config)}`, config),
    ...stored.map((layer, i) => file(names[i] ?? '', layer)),
    savedFile(`sha256:${hexOf(config)}`, names),
  ];
}

/** A layout in a tar, as podman, skopeo and buildah write `oci-archive`. */
function layout(recipe: Recipe): TestMember[] {
  const { config, stored } = partsOf(recipe);
  const manifest = manifestOf({ config, stored });
  return [
    ...[config, ...stored, manifest].map(blob),
    indexFile(descriptorOf(manifest, OCI_MANIFEST)),
    LAYOUT_MARK,
  ];
}

/** A layout of an index of two platforms, with what attests them beside, as BuildKit writes it. */
function buildx(recipe: Recipe): TestMember[] {
  const { config, stored } = partsOf(recipe);
  const manifest = manifestOf({ config, stored });
  const otherLayers = [tar({ name: 'arm', content: 'arm' })];
  const other = { config: configOf(otherLayers, { architecture: 'arm64' }), stored: otherLayers };
  const otherManifest = manifestOf(other);
  const statement = json({ _type: 'https://in-toto.io/Statement/v0.1', predicate: {} });
  const attestation = manifestOf({ config: json({ rootfs: { diff_ids: [] } }), stored: [statement] });
  const index = json({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [
      descriptorOf(otherManifest, OCI_MANIFEST, { platform: { os: 'linux', architecture: 'arm64' } }),
      descriptorOf(manifest, OCI_MANIFEST, { platform: { os: 'linux', architecture: 'amd64' } }),
      descriptorOf(attestation, OCI_MANIFEST, {
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
      }),
    ],
  });
  const blobs = [
    config,
    ...stored,
    manifest,
    other.config,
    ...otherLayers,
    otherManifest,
    statement,
    attestation,
    index,
  ];
  return [...blobs.map(blob), indexFile(descriptorOf(index, OCI_INDEX)), LAYOUT_MARK];
}

export const FORMS = {
  'docker save of 20': dockerOfOld,
  'docker save of 28': dockerOfNow,
  'skopeo docker-archive': skopeo,
  kaniko,
  'oci-archive': layout,
  'oci-archive of two platforms': buildx,
} satisfies Readonly<Record<string, (recipe: Recipe) => TestMember[]>>;

export type Form = keyof typeof FORMS;

/** How entries may be ordered, and named. */
export const ORDERS = {
  'as written': (members: readonly TestMember[]) => [...members],
  'the other way round': (members: readonly TestMember[]) => [...members].reverse(),
  'with ./ before names': (members: readonly TestMember[]) =>
    members.map((member) => ({ ...member, name: `./${member.name}` })),
} satisfies Readonly<Record<string, (members: readonly TestMember[]) => TestMember[]>>;

export const archiveOf = (form: Form, recipe: Recipe = {}): Buffer => tar(...FORMS[form](recipe));
