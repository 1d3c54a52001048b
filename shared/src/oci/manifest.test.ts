// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { descriptorDocument } from './descriptor.ts';
import { MAX_CHILDREN, MAX_MANIFEST_BYTES, parseManifest } from './manifest.ts';
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  isNondistributable,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
  withoutParameters,
} from './media-types.ts';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = { algorithm: 'sha256', hex: HEX };
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

const blob = (mediaType = LAYER, more = {}) => ({ mediaType, digest: `sha256:${HEX}`, size: 3, ...more });
const image = (more = {}) => ({ schemaVersion: 2, config: blob(OCI_CONFIG), layers: [blob()], ...more });
const index = (more = {}) => ({ schemaVersion: 2, manifests: [blob(OCI_MANIFEST)], ...more });
const bytesOf = (document: unknown) => Buffer.from(JSON.stringify(document));

describe('what a manifest refers to', () => {
  const config = { mediaType: OCI_CONFIG, digest: DIGEST, sizeBytes: 3 };
  const layer = { mediaType: LAYER, digest: DIGEST, sizeBytes: 3 };
  const plainImage = {
    kind: 'manifest',
    mediaType: OCI_MANIFEST,
    config,
    layers: [layer],
    children: [],
    artifactType: OCI_CONFIG,
    annotations: {},
  };
  const plainIndex = {
    kind: 'index',
    mediaType: OCI_INDEX,
    layers: [],
    children: [{ ...layer, mediaType: OCI_MANIFEST }],
    annotations: {},
  };

  it.each([
    ['an image', OCI_MANIFEST, image(), plainImage],
    ['an image that names its type', OCI_MANIFEST, image({ mediaType: OCI_MANIFEST }), plainImage],
    ['an image without a Content-Type', undefined, image(), plainImage],
    [
      "Docker's",
      DOCKER_MANIFEST,
      image({ mediaType: DOCKER_MANIFEST }),
      { ...plainImage, mediaType: DOCKER_MANIFEST },
    ],
    [
      "Docker's without a Content-Type",
      undefined,
      image({ mediaType: DOCKER_MANIFEST }),
      { ...plainImage, mediaType: DOCKER_MANIFEST },
    ],
    ['an image of no layers', OCI_MANIFEST, image({ layers: [] }), { ...plainImage, layers: [] }],
    [
      'an image whose list was never made',
      OCI_MANIFEST,
      image({ layers: null }),
      { ...plainImage, layers: [] },
    ],
    [
      'an artifact about another manifest',
      OCI_MANIFEST,
      image({
        artifactType: 'application/x.sbom',
        subject: blob(OCI_MANIFEST),
        annotations: { a: 'b' },
      }),
      {
        ...plainImage,
        artifactType: 'application/x.sbom',
        subject: { ...layer, mediaType: OCI_MANIFEST },
        annotations: { a: 'b' },
      },
    ],
    ['members that nobody knows', OCI_MANIFEST, image({ 'org.example': [{}], toString: 1 }), plainImage],
    [
      'nothing where something could stand',
      OCI_MANIFEST,
      image({ annotations: null, subject: null }),
      plainImage,
    ],
    ['an index', OCI_INDEX, index(), plainIndex],
    ['an index without a Content-Type', undefined, index(), plainIndex],
    ['an index of none', OCI_INDEX, index({ manifests: [] }), { ...plainIndex, children: [] }],
    [
      "Docker's list",
      DOCKER_LIST,
      index({ mediaType: DOCKER_LIST }),
      { ...plainIndex, mediaType: DOCKER_LIST },
    ],
    [
      'an index that is an artifact',
      OCI_INDEX,
      index({ artifactType: 'application/x', annotations: { a: 'b' } }),
      { ...plainIndex, artifactType: 'application/x', annotations: { a: 'b' } },
    ],
  ])('%s', (_what, mediaType, document, links) => {
    expect(parseManifest(bytesOf(document), mediaType)).toEqual(links);
  });

  it('keeps all of a descriptor that others want to see', () => {
    const said = {
      mediaType: OCI_MANIFEST,
      digest: `sha512:${HEX}${HEX}`,
      size: 3,
      urls: ['http://elsewhere/x'],
      annotations: { a: 'b' },
      artifactType: 'application/x',
      platform: {
        architecture: 'arm64',
        os: 'linux',
        variant: 'v8',
        'os.version': '10',
        'os.features': ['win32k'],
      },
    };
    const [child] = parseManifest(bytesOf(index({ manifests: [said] })), OCI_INDEX).children;
    expect(child && descriptorDocument(child)).toEqual(said);
  });
});

describe('what is refused', () => {
  const deep = (open: string, close: string) =>
    Buffer.from(`${open.repeat(500_000)}1${close.repeat(500_000)}`);
  it.each([
    ['nothing', OCI_MANIFEST, Buffer.alloc(0), 'no JSON'],
    ['no JSON', OCI_MANIFEST, Buffer.from('{'), 'no JSON'],
    ['no text', OCI_MANIFEST, Buffer.from([0x22, 0xff, 0x22]), 'no JSON'],
    ['a byte order mark', OCI_MANIFEST, Buffer.from(`\ufeff${JSON.stringify(image())}`), 'no JSON'],
    ['two documents', OCI_MANIFEST, Buffer.from('{}{}'), 'no JSON'],
    ['a list', OCI_MANIFEST, bytesOf([]), 'the document'],
    ['null', undefined, bytesOf(null), 'the document'],
    ['lists in lists', OCI_MANIFEST, deep('[', ']'), 'the document'],
    ['objects in objects', OCI_MANIFEST, deep('{"a":', '}'), 'schemaVersion'],
    ['schema 1', 'application/vnd.docker.distribution.manifest.v1+prettyjws', bytesOf({}), 'schema 1'],
    ['schema 1 under another name', OCI_MANIFEST, bytesOf(image({ schemaVersion: 1 })), 'schemaVersion'],
    ['no config', OCI_MANIFEST, bytesOf({ schemaVersion: 2, layers: [] }), 'config'],
    ['an index as an image', OCI_MANIFEST, bytesOf(index()), 'config'],
    ['an image as an index', OCI_INDEX, bytesOf(image()), 'config'],
    ['both at once', OCI_MANIFEST, bytesOf({ ...image(), ...index() }), 'manifests'],
    ['both at once, as an index', OCI_INDEX, bytesOf({ ...image(), ...index() }), 'config'],
    ['another type within', OCI_MANIFEST, bytesOf(image({ mediaType: DOCKER_MANIFEST })), 'says itself'],
    ["Docker's without its type", DOCKER_MANIFEST, bytesOf(image()), 'says itself'],
    [
      'a wrong digest',
      OCI_MANIFEST,
      bytesOf(image({ config: blob(OCI_CONFIG, { digest: 'sha256:0' }) })),
      'config.digest',
    ],
    [
      'a way out for a digest',
      OCI_INDEX,
      bytesOf(index({ manifests: [blob(OCI_MANIFEST, { digest: '../../etc' })] })),
      'manifests.0.digest',
    ],
    [
      'a subject without a digest',
      OCI_MANIFEST,
      bytesOf(image({ subject: { mediaType: 'x', size: 1 } })),
      'subject.digest',
    ],
    [
      'a size below nothing',
      OCI_MANIFEST,
      bytesOf(image({ layers: [blob(LAYER, { size: -1 })] })),
      'layers.0.size',
    ],
    [
      'a size that no number holds',
      OCI_MANIFEST,
      bytesOf(image({ layers: [blob(LAYER, { size: 2 ** 60 })] })),
      'layers.0.size',
    ],
    [
      'a size as text',
      OCI_MANIFEST,
      bytesOf(image({ layers: [blob(LAYER, { size: '1' })] })),
      'layers.0.size',
    ],
    [
      'annotations that are no text',
      OCI_MANIFEST,
      bytesOf(image({ annotations: { a: 1 } })),
      'annotations.a',
    ],
    [
      'very many children',
      OCI_INDEX,
      bytesOf(index({ manifests: Array(MAX_CHILDREN + 1).fill(blob()) })),
      'manifests',
    ],
    ['very many layers', OCI_MANIFEST, bytesOf(image({ layers: Array(10_001).fill(blob('x')) })), 'layers'],
  ])('%s', (_what, mediaType, bytes, message) => {
    expect(() => parseManifest(bytes, mediaType)).toThrow(
      expect.objectContaining({ code: 'MANIFEST_INVALID', message: expect.stringContaining(message) }),
    );
  });

  it('is told from what is kept nowhere', () => {
    for (const mediaType of ['application/json', 'text/plain', '', 'constructor']) {
      expect(() => parseManifest(bytesOf(image()), mediaType)).toThrow(
        expect.objectContaining({ code: 'UNSUPPORTED' }),
      );
    }
  });

  it('is told from what is too large', () => {
    const tooLarge = Buffer.alloc(MAX_MANIFEST_BYTES + 1, ' ');
    expect(() => parseManifest(tooLarge, OCI_MANIFEST)).toThrow(
      expect.objectContaining({ code: 'MANIFEST_TOO_LARGE' }),
    );
    const document = bytesOf(image());
    tooLarge.set(document);
    expect(parseManifest(tooLarge.subarray(0, MAX_MANIFEST_BYTES), OCI_MANIFEST).kind).toBe('manifest');
  });
});

it('keeps annotations with the names of what objects have', () => {
  const bytes = Buffer.from(
    JSON.stringify(image()).replace(
      '"schemaVersion"',
      '"annotations":{"__proto__":"x","constructor":"y"},"schemaVersion"',
    ),
  );
  const { annotations } = parseManifest(bytes, OCI_MANIFEST);
  expect(annotations.constructor).toBe('y');
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

it.each([
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', true],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar', true],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+zstd', true],
  ['application/vnd.oci.image.layer.nondistributable.v1.tarball', false],
  [LAYER, false],
  ['', false],
])('%s comes from elsewhere: %s', (mediaType, expected) => {
  expect(isNondistributable(mediaType)).toBe(expected);
});

it.each([
  ['application/x', 'application/x'],
  ['Application/X; charset=utf-8', 'application/x'],
  [' application/x ;a;b', 'application/x'],
  ['', ''],
])('takes the parameters from %j', (contentType, mediaType) => {
  expect(withoutParameters(contentType)).toBe(mediaType);
});
