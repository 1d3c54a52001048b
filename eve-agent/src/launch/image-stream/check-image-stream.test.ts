// SPDX-License-Identifier: Apache-2.0
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import {
  octal,
  paxMember,
  type TestMember,
  tar,
  tarHeader,
  tarMember,
} from '@local-datastore/shared/tar/testing/tar';
import { describe, expect, it } from 'vitest';
import { checkImageStream } from './check-image-stream.ts';
import type { ImageStreamErrorCode } from './image-stream-error.ts';
import { checkBytes, checkSource, inPieces, TAG, wantedOf } from './testing/check-bytes.ts';
import { engineView, namesHandedOn } from './testing/handed-on.ts';
import {
  archiveOf,
  blob,
  blobName,
  configOf,
  descriptorOf,
  ENCODINGS,
  type Encoding,
  FORMS,
  type Form,
  hexOf,
  indexFile,
  json,
  LAYERS,
  LAYOUT_MARK,
  manifestOf,
  ORDERS,
  type Recipe,
} from './testing/image-archives.ts';

const formNames = Object.keys(FORMS) as Form[];
const encodingNames = Object.keys(ENCODINGS) as Encoding[];
const CONFIG = configOf(LAYERS);
const DIFF_IDS = LAYERS.map((layer) => `sha256:${hexOf(layer)}`);
const inAll = <A, B>(some: readonly A[], others: readonly B[]) =>
  some.flatMap((one) => others.map((other) => [one, other] as const));

describe('what is taken', () => {
  describe.each(formNames)('%s', (form) => {
    it.each(inAll(encodingNames, encodingNames))('%s, with layers of %s', async (encoding, layerEncoding) => {
      for (const order of Object.values(ORDERS)) {
        const bytes = ENCODINGS[encoding](tar(...order(FORMS[form]({ layerEncoding }))));
        const checked = await checkBytes(bytes);
        const { image } = checked;
        expect(image).toMatchObject({
          configDigest: { algorithm: 'sha256', hex: hexOf(CONFIG) },
          diffIds: DIFF_IDS,
          platform: { os: 'linux', architecture: 'amd64' },
          config: { Cmd: ['/bin/app'], ExposedPorts: { '80/tcp': {} } },
        });
        const stored = LAYERS.map((layer) => ENCODINGS[layerEncoding](layer));
        expect(image.sizeBytes).toBe(stored.reduce((sum, { length }) => sum + length, 0));
        expect(engineView(checked)).toEqual({ tags: [TAG], config: CONFIG, layers: stored });
        expect([...checked.files.keys()].at(-1)).toBe('manifest.json');
        expect(checked.files.has('repositories')).toBe(false);
      }
    });
  });

  it.each([1, 7, 512, 513])('in pieces of %d bytes', async (pieceBytes) => {
    for (const encoding of encodingNames) {
      const bytes = ENCODINGS[encoding](archiveOf('docker save of 20', { layerEncoding: 'gzip' }));
      expect(engineView(await checkBytes(bytes, {}, pieceBytes)).config).toEqual(CONFIG);
    }
  });

  it('what came with a manifest keeps it, under a name of ours', async () => {
    for (const form of ['docker save of 28', 'oci-archive', 'oci-archive of two platforms'] as const) {
      const manifest = manifestOf({ config: CONFIG, stored: LAYERS });
      const { image, files } = await checkBytes(archiveOf(form));
      expect(image.manifestDigest?.hex).toBe(hexOf(manifest));
      expect(files.get(blobName(manifest))).toEqual(manifest);
      expect(JSON.parse(String(files.get('index.json')))).toEqual({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [
          descriptorOf(manifest, OCI_MANIFEST, {
            annotations: {
              'io.containerd.image.name': `docker.io/library/${TAG}`,
              'org.opencontainers.image.ref.name': 'of-this-test',
            },
          }),
        ],
      });
    }
    const { image, files } = await checkBytes(archiveOf('docker save of 20'));
    expect([image.manifestDigest, files.has('index.json')]).toEqual([undefined, false]);
  });

  it('a manifest that says wrongly how layers are compressed is left out', async () => {
    for (const [layerType, layerEncoding] of [
      ['application/vnd.oci.image.layer.v1.tar', 'gzip'],
      ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'plain'],
      ['application/vnd.oci.image.layer.v1.tar+gzip', 'zstd'],
    ] as const) {
      const stored = LAYERS.map((layer) => ENCODINGS[layerEncoding](layer));
      const manifest = manifestOf({ config: CONFIG, stored }, layerType);
      const index = indexFile(descriptorOf(manifest, OCI_MANIFEST));
      const checked = await checkBytes(tar(...[CONFIG, manifest, ...stored].map(blob), index, LAYOUT_MARK));
      expect(checked.image.manifestDigest).toBeUndefined();
      expect(checked.files.has('index.json')).toBe(false);
      expect(engineView(checked).layers).toEqual(stored);
    }
  });

  const OLD = FORMS['docker save of 20']({});
  it.each<[title: string, bytes: Buffer]>([
    ['without the blocks that end a tar', tar(...OLD).subarray(0, -1024)],
    ['with one of them', tar(...OLD).subarray(0, -512)],
    ['filled up as a tape is', Buffer.concat([tar(...OLD), Buffer.alloc(10_240)])],
    ['with a comment for all', tar(paxMember({ comment: 'as git writes it' }, 'g'), ...OLD)],
    [
      'with names and sizes in pax headers',
      tar(
        ...OLD.flatMap(({ name, content = '', ...rest }) => [
          paxMember({ path: name, size: String(Buffer.from(content).length), 'SCHILY.xattr.user.a': 'b' }),
          { ...rest, content, name: 'another-name' },
        ]),
      ),
    ],
    [
      'with long names of GNU tar',
      tar(
        ...OLD.flatMap((member) => [
          { name: '././@LongLink', type: 'L', content: `${member.name}\0` },
          { ...member, name: member.name.slice(0, 20) },
        ]),
      ),
    ],
    ['with files of an old tar', tar(...OLD.map((member) => ({ type: '\0', ...member })))],
    [
      'with the same content twice under one name',
      tar(...OLD, ...OLD.filter(({ name }) => name.endsWith('layer.tar'))),
    ],
  ])('%s', async (_title, bytes) => {
    expect(engineView(await checkBytes(bytes)).layers).toEqual(LAYERS);
  });

  it('layers that are links to others, hard and symbolic', async () => {
    const layers = [LAYERS[0] as Buffer, LAYERS[0] as Buffer, LAYERS[0] as Buffer];
    const config = configOf(layers);
    const bytes = tar(
      { name: 'b/layer.tar', type: '2', linkName: '../a/layer.tar' },
      { name: 'c/layer.tar', type: '1', linkName: './b/layer.tar' },
      { name: 'a/layer.tar', content: layers[0] as Buffer },
      { name: 'config', content: config },
      {
        name: 'manifest.json',
        content: json([{ Config: 'config', Layers: ['a/layer.tar', './b/layer.tar', 'c/layer.tar'] }]),
      },
    );
    expect(engineView(await checkBytes(bytes)).layers).toEqual(layers);
  });

  it('an empty layer, and none at all', async () => {
    for (const layers of [[Buffer.alloc(1024)], []]) {
      const bytes = archiveOf('docker save of 20', { layers });
      expect(engineView(await checkBytes(bytes)).layers).toEqual(layers);
    }
  });

  it('one image under two names', async () => {
    const config = configOf(LAYERS);
    const manifest = manifestOf({ config, stored: LAYERS });
    const named = (name: string) =>
      descriptorOf(manifest, OCI_MANIFEST, { annotations: { 'org.opencontainers.image.ref.name': name } });
    const bytes = tar(
      ...[config, manifest, ...LAYERS].map(blob),
      indexFile(named('1'), named('2')),
      LAYOUT_MARK,
    );
    expect((await checkBytes(bytes)).image.diffIds).toEqual(DIFF_IDS);
  });

  it('the platforms of an index that its layout lists itself', async () => {
    const config = configOf(LAYERS);
    const manifest = manifestOf({ config, stored: LAYERS });
    const other = manifestOf({ config: configOf(LAYERS, { architecture: 'arm64' }), stored: LAYERS });
    const of = (bytes: Buffer, architecture: string) =>
      descriptorOf(bytes, OCI_MANIFEST, { platform: { os: 'linux', architecture } });
    const bytes = tar(
      ...[config, manifest, other, ...LAYERS].map(blob),
      indexFile(of(other, 'arm64'), of(manifest, 'amd64')),
      LAYOUT_MARK,
    );
    expect((await checkBytes(bytes)).image.configDigest.hex).toBe(hexOf(config));
  });

  it('what is handed on has names that nothing of another load has', async () => {
    const layersOf = async () => {
      const { files } = await checkBytes(tar(...FORMS['docker save of 20']({})));
      return [...files.keys()].filter((name) => name.startsWith('layer-'));
    };
    const [first, second] = [await layersOf(), await layersOf()];
    expect(first).toHaveLength(second.length);
    expect(new Set([...first, ...second]).size).toBe(2 * first.length);
    expect(first.length).toBeGreaterThan(0);
  });

  it('what else lies in it is not handed on', async () => {
    const bytes = tar(
      { name: 'README', content: 'x'.repeat(2000) },
      { name: 'evil.json', content: json([{ Config: 'x', RepoTags: ['ed_other:latest'], Layers: [] }]) },
      ...FORMS['docker save of 20']({}),
    );
    const { files } = await checkBytes(bytes);
    expect([...files.keys()].filter((name) => !name.startsWith('layer-'))).toEqual([
      blobName(CONFIG),
      'manifest.json',
    ]);
  });

  it.each([
    [
      'linux/arm/v7 runs on linux/arm64',
      { architecture: 'arm', variant: 'v7' },
      { os: 'linux', architecture: 'arm64' },
    ],
    [
      'linux/arm64/v8 is linux/arm64',
      { architecture: 'arm64', variant: 'v8' },
      { os: 'linux', architecture: 'arm64' },
    ],
    ['linux/386 runs on linux/amd64', { architecture: '386' }, { os: 'linux', architecture: 'amd64' }],
    ['x86_64 is amd64', {}, { os: 'linux', architecture: 'x86_64' }],
  ])('%s', async (_title, own, platform) => {
    const bytes = archiveOf('docker save of 20', { config: configOf(LAYERS, own) });
    expect((await checkBytes(bytes, { platform })).image.diffIds).toEqual(DIFF_IDS);
  });

  it('a file of more than 8 GiB is told by its size', async () => {
    const sizeBytes = 9 * 2 ** 30;
    const field = Buffer.alloc(12);
    field.writeUInt8(0x80, 0);
    field.writeBigUInt64BE(BigInt(sizeBytes), 4);
    async function* endless() {
      yield tarHeader({ name: 'huge', sizeField: field });
      for (;;) yield Buffer.alloc(65_536);
    }
    await expect(checkSource(endless(), { maxBytes: 2 ** 20 })).rejects.toMatchObject({
      code: 'ARCHIVE_TOO_LARGE',
    });
  });
});

/** The entries of a form, one of them replaced or left out. */
const without = (form: Form, name: RegExp, recipe: Recipe = {}) =>
  FORMS[form](recipe).filter((member) => !name.test(member.name));
function replaced(form: Form, name: RegExp, content: (old: Buffer) => Buffer | string, recipe: Recipe = {}) {
  return FORMS[form](recipe).map((member) =>
    name.test(member.name) ? { ...member, content: content(Buffer.from(member.content ?? '')) } : member,
  );
}
const flip = (bytes: Buffer, at = bytes.length >> 1) => {
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
  return flipped;
};
const CONFIG_NAME = new RegExp(hexOf(CONFIG));
const [FIRST = Buffer.alloc(0)] = LAYERS;
const FIRST_BLOB = new RegExp(`^${blobName(FIRST)}$`);
const qcow2 = Buffer.concat([Buffer.from('QFI\u00fb', 'latin1'), Buffer.alloc(4096)]);
const OLD = FORMS['docker save of 20']({});
const withMember = (...members: readonly TestMember[]) => tar(...members, ...OLD);
const two = json([
  { Config: `${hexOf(CONFIG)}.json`, Layers: [] },
  { Config: 'other.json', Layers: [] },
]);

const REFUSED: readonly (readonly [
  title: string,
  code: ImageStreamErrorCode,
  bytes: Buffer,
  message: RegExp,
])[] = [
  ['nothing', 'ARCHIVE_EMPTY', Buffer.alloc(0), /^Nothing was sent/],
  ['a page', 'ARCHIVE_UNKNOWN', Buffer.from(`<!DOCTYPE html>${'x'.repeat(600)}`), /HTML/],
  ['a small page', 'ARCHIVE_UNKNOWN', Buffer.from('<html>'), /HTML/],
  ['a JSON document', 'ARCHIVE_UNKNOWN', Buffer.from('{"error": 1}'), /JSON/],
  ['a QCOW2 image', 'ARCHIVE_UNKNOWN', qcow2, /a disk image \(QCOW2\)/],
  ['a QCOW2 image, compressed', 'ARCHIVE_UNKNOWN', gzipSync(qcow2), /a disk image \(QCOW2\)/],
  [
    'a disc',
    'ARCHIVE_UNKNOWN',
    Buffer.concat([Buffer.alloc(32_768), Buffer.from('\x01CD001'), Buffer.alloc(5000)]),
    /no tar/,
  ],
  ['an archive that is compressed twice', 'ARCHIVE_UNKNOWN', gzipSync(gzipSync(tar(...OLD))), /no tar/],
  ['bytes of no kind', 'ARCHIVE_UNKNOWN', Buffer.alloc(5000, 7), /no tar/],
  ['xz', 'ARCHIVE_ENCODING', Buffer.from('fd377a585a000000', 'hex'), /with xz/],
  [
    'a layer of xz',
    'LAYER_DAMAGED',
    tar(...replaced('docker save of 20', /layer\.tar$/, () => Buffer.from('fd377a585a0000', 'hex'))),
    /compressed with xz/,
  ],
  [
    'gzip, and something else',
    'ARCHIVE_DAMAGED',
    Buffer.concat([gzipSync(tar(...OLD)), Buffer.from('more')]),
    /./,
  ],
  ['two tars', 'ARCHIVE_DAMAGED', Buffer.concat([tar(...OLD), tar(...OLD)]), /follows its end/],
  ['a tar of nothing', 'NO_IMAGE', tar(), /neither manifest\.json nor oci-layout/],
  ['a tar of files', 'NO_IMAGE', tar({ name: 'a', content: 'b' }), /neither/],
  [
    'a folder with an image',
    'NO_IMAGE',
    tar(...OLD.map((each) => ({ ...each, name: `saved/${each.name}` }))),
    /in a folder/,
  ],
  [
    'what Docker before 1.10 wrote',
    'NO_IMAGE',
    tar(...without('docker save of 20', /^manifest\.json$/)),
    /1\.10/,
  ],
  [
    'a manifest that is none',
    'MANIFEST_INVALID',
    tar(...replaced('docker save of 20', /^manifest\.json$/, () => '{"a":')),
    /manifest\.json/,
  ],
  [
    'two images',
    'SEVERAL_IMAGES',
    tar(...replaced('docker save of 20', /^manifest\.json$/, () => two)),
    /2 images/,
  ],
  [
    'two images in a layout',
    'SEVERAL_IMAGES',
    tar(
      indexFile(
        descriptorOf(Buffer.from('1'), OCI_MANIFEST, {
          annotations: { 'org.opencontainers.image.ref.name': 'a' },
        }),
        descriptorOf(Buffer.from('2'), OCI_MANIFEST, {
          annotations: { 'org.opencontainers.image.ref.name': 'b' },
        }),
      ),
      LAYOUT_MARK,
    ),
    /2 images/,
  ],
  [
    'another architecture',
    'PLATFORM_MISMATCH',
    archiveOf('docker save of 20', { config: configOf(LAYERS, { architecture: 'arm64' }) }),
    /for linux\/arm64, and this is linux\/amd64/,
  ],
  [
    'another system',
    'PLATFORM_MISMATCH',
    archiveOf('docker save of 28', { config: configOf(LAYERS, { os: 'windows' }) }),
    /windows/,
  ],
  [
    'a newer variant',
    'PLATFORM_MISMATCH',
    archiveOf('docker save of 20', { config: configOf(LAYERS, { variant: 'v3' }) }),
    /v3/,
  ],
  [
    'an index without what runs here',
    'PLATFORM_MISMATCH',
    tar(
      blob(
        json({
          schemaVersion: 2,
          mediaType: OCI_INDEX,
          manifests: [
            descriptorOf(Buffer.from('x'), OCI_MANIFEST, {
              platform: { os: 'linux', architecture: 's390x' },
            }),
          ],
        }),
      ),
      indexFile(
        descriptorOf(
          json({
            schemaVersion: 2,
            mediaType: OCI_INDEX,
            manifests: [
              descriptorOf(Buffer.from('x'), OCI_MANIFEST, {
                platform: { os: 'linux', architecture: 's390x' },
              }),
            ],
          }),
          OCI_INDEX,
        ),
      ),
      LAYOUT_MARK,
    ),
    /linux\/s390x/,
  ],
  [
    'another config',
    'CONFIG_DAMAGED',
    tar(...replaced('docker save of 20', CONFIG_NAME, () => configOf(LAYERS, { author: 'x' }))),
    /has the digest/,
  ],
  [
    'another config in a layout',
    'CONFIG_DAMAGED',
    tar(...replaced('oci-archive', CONFIG_NAME, () => configOf(LAYERS, { author: 'x' }))),
    /another digest/,
  ],
  [
    'a config of nothing',
    'CONFIG_INVALID',
    archiveOf('kaniko', { config: json({ rootfs: {}, layers: 1 }) }),
    /architecture/,
  ],
  [
    'a config in capitals too',
    'CONFIG_INVALID',
    archiveOf('kaniko', { config: configOf(LAYERS, { RootFS: { diff_ids: [] } }) }),
    /capitals/,
  ],
  [
    'a config of another digest',
    'CONFIG_INVALID',
    archiveOf('kaniko', {
      config: configOf(LAYERS, { rootfs: { diff_ids: [`sha512:${hexOf('x', 'sha512')}`] } }),
    }),
    /sha256/,
  ],
  [
    'another layer',
    'LAYER_DAMAGED',
    tar(...replaced('docker save of 20', /layer\.tar$/, () => tar({ name: 'x' }))),
    /Layer 1 of the image has the digest/,
  ],
  [
    'another layer in a layout',
    'LAYER_DAMAGED',
    tar(...replaced('oci-archive', FIRST_BLOB, (old) => flip(old, 600))),
    /has the digest/,
  ],
  [
    'a layer that is none',
    'LAYER_DAMAGED',
    tar(...replaced('docker save of 20', /layer\.tar$/, () => 'hello')),
    /no tar archive/,
  ],
  [
    'a layer that is cut',
    'LAYER_DAMAGED',
    tar(
      ...replaced('docker save of 20', /layer\.tar$/, (old) => old.subarray(0, -5), {
        layerEncoding: 'gzip',
      }),
    ),
    /too early/,
  ],
  [
    'a layer less',
    'LAYER_COUNT',
    archiveOf('docker save of 20', { config: configOf(LAYERS.slice(1)) }),
    /names 1 layers, and the archive 2/,
  ],
  [
    'a layer more',
    'LAYER_COUNT',
    archiveOf('oci-archive', { config: configOf([...LAYERS, FIRST]) }),
    /names 3 layers, and the archive 2/,
  ],
  [
    'a layer that is missing',
    'LAYER_MISSING',
    tar(...without('docker save of 20', /layer\.tar$/)),
    /not in it/,
  ],
  [
    'a layer that is missing in a layout',
    'LAYER_MISSING',
    tar(...without('oci-archive', FIRST_BLOB)),
    /not in the archive/,
  ],
  [
    'a manifest that is missing',
    'LAYER_MISSING',
    tar(...without('oci-archive', new RegExp(hexOf(manifestOf({ config: CONFIG, stored: LAYERS }))))),
    /manifest/,
  ],
  [
    'what contradicts itself',
    'MANIFEST_INVALID',
    tar(
      { name: 'other', content: configOf(LAYERS, { author: 'x' }) },
      ...replaced('docker save of 28', /^manifest\.json$/, () =>
        json([{ Config: 'other', Layers: LAYERS.map(blobName) }]),
      ),
    ),
    /contradicts/,
  ],
  [
    'an absolute path',
    'ARCHIVE_UNSAFE',
    withMember({ name: '/etc/passwd', content: 'x' }),
    /"\/etc\/passwd", which is an absolute path/,
  ],
  ['a way out', 'ARCHIVE_UNSAFE', withMember({ name: 'a/../../x', content: 'x' }), /leads out/],
  [
    'a way out in a pax header',
    'ARCHIVE_UNSAFE',
    withMember(paxMember({ path: '../x' }), { name: 'x' }),
    /leads out/,
  ],
  [
    'a link to an absolute path',
    'ARCHIVE_UNSAFE',
    withMember({ name: 'a', type: '2', linkName: '/etc/shadow' }),
    /absolute/,
  ],
  [
    'a link out of it',
    'ARCHIVE_UNSAFE',
    withMember({ name: 'a/b', type: '2', linkName: '../../x' }),
    /leads out/,
  ],
  [
    'a hard link out of it',
    'ARCHIVE_UNSAFE',
    withMember({ name: 'a/b', type: '1', linkName: '../x' }),
    /leads out/,
  ],
  ['a device', 'ARCHIVE_UNSAFE', withMember({ name: 'dev/sda', type: '4' }), /a device/],
  ['a pipe', 'ARCHIVE_UNSAFE', withMember({ name: 'dev/p', type: '6' }), /a pipe/],
  ['a sparse file', 'ARCHIVE_UNSAFE', withMember({ name: 'big', type: 'S' }), /sparse/],
  [
    'a sparse file in a pax header',
    'ARCHIVE_UNSAFE',
    withMember(paxMember({ 'GNU.sparse.major': '1', path: 'big' }), { name: 'x' }),
    /"big", which is stored sparse/,
  ],
  ['a kind that nobody knows', 'ARCHIVE_UNSAFE', withMember({ name: 'x', type: 'V' }), /kind/],
  [
    'a name that acts on terminals',
    'ARCHIVE_UNSAFE',
    withMember({ name: 'a\x1b[2Jb', content: 'x' }),
    /a\\027\[2Jb/,
  ],
  [
    'a name that is too long',
    'ARCHIVE_UNSAFE',
    withMember(paxMember({ path: 'a'.repeat(600) }), { name: 'x' }),
    /too long/,
  ],
  [
    'a header that is too long',
    'ARCHIVE_TOO_LARGE',
    withMember(paxMember({ comment: 'a'.repeat(70_000) }), { name: 'x' }),
    /header/,
  ],
  [
    'headers without an end',
    'ARCHIVE_TOO_LARGE',
    withMember(...Array.from({ length: 20 }, () => paxMember({ comment: 'a' }))),
    /header/,
  ],
  [
    'a header for all that tells a size',
    'ARCHIVE_DAMAGED',
    withMember(paxMember({ size: '5' }, 'g')),
    /"size"/,
  ],
  [
    'a pax header that is damaged',
    'ARCHIVE_DAMAGED',
    withMember({ name: 'x', type: 'x', content: '999 path=a\n' }, { name: 'x' }),
    /pax/,
  ],
  [
    'a pax header of nothing',
    'ARCHIVE_CUT_OFF',
    Buffer.concat([...OLD.map(tarMember), tarMember(paxMember({ path: 'a' }))]),
    /cut off/,
  ],
  [
    'a link with content',
    'ARCHIVE_DAMAGED',
    withMember({ name: 'x', type: '1', linkName: 'y', content: 'z' }),
    /link "x"/,
  ],
  ['a folder with content', 'ARCHIVE_DAMAGED', withMember({ name: 'x/', content: 'z' }), /folder "x"/],
  [
    'one name twice',
    'ARCHIVE_DAMAGED',
    tar(...OLD, ...replaced('docker save of 20', /layer\.tar$/, () => tar({ name: 'x' }))),
    /twice/,
  ],
  [
    'a link and a file of one name',
    'ARCHIVE_DAMAGED',
    withMember({ name: 'manifest.json', type: '2', linkName: 'x' }),
    /twice/,
  ],
  ['a size that is none', 'ARCHIVE_DAMAGED', withMember({ name: 'x', sizeField: 'hello' }), /size/],
  [
    'a negative size',
    'ARCHIVE_DAMAGED',
    withMember({ name: 'x', sizeField: Buffer.alloc(12, 0xff) }),
    /size/,
  ],
  [
    'a size beyond all',
    'ARCHIVE_CUT_OFF',
    Buffer.concat([...OLD.map(tarMember), tarHeader({ name: 'x', sizeField: octal(8 ** 11 - 1) })]),
    /cut off/,
  ],
  [
    'too many entries',
    'ARCHIVE_TOO_LARGE',
    withMember(...Array.from({ length: 10_001 }, (_, i) => ({ name: `f${i}` }))),
    /10000 entries/,
  ],
  [
    'a circle of links',
    'LAYER_MISSING',
    tar(
      { name: 'a', type: '2', linkName: 'b' },
      { name: 'b', type: '2', linkName: 'a' },
      { name: 'manifest.json', content: json([{ Config: 'a' }]) },
    ),
    /"a"/,
  ],
];

describe('what is refused', () => {
  it.each(REFUSED)('%s is %s', async (_title, code, bytes, message) => {
    let handedOn = Buffer.alloc(0);
    const refused = checkSource(inPieces(bytes), {}, (given) => {
      handedOn = given as typeof handedOn;
    });
    await expect(refused).rejects.toMatchObject({
      name: 'ImageStreamError',
      code,
      message: expect.stringMatching(message),
    });
    expect(await namesHandedOn(handedOn)).toEqual([]);
  });

  it('layers of zstd, where the engine cannot read them', async () => {
    const bytes = archiveOf('docker save of 20', { layerEncoding: 'zstd' });
    await expect(checkBytes(bytes, { takesZstdLayers: false })).rejects.toMatchObject({
      code: 'ARCHIVE_ENCODING',
    });
  });

  it('and both promises say why', async () => {
    const { archive, image } = checkImageStream(inPieces(Buffer.alloc(0)), wantedOf());
    await expect(archive.next()).rejects.toMatchObject({ code: 'ARCHIVE_EMPTY' });
    await expect(image).rejects.toMatchObject({ code: 'ARCHIVE_EMPTY' });
  });
});

describe('what is bounded', () => {
  const LARGE = tar({ name: 'zeros', content: Buffer.alloc(4 * 2 ** 20) });
  it.each<[title: string, encoding: Encoding, layerEncoding: Encoding]>([
    ['the archive', 'plain', 'plain'],
    ['a bomb', 'gzip', 'plain'],
    ['a bomb of zstd', 'zstd', 'plain'],
    ['a bomb in a layer', 'plain', 'gzip'],
    ['a bomb of zstd in a layer', 'plain', 'zstd'],
    ['a bomb in a bomb', 'gzip', 'gzip'],
  ])('%s', async (_title, encoding, layerEncoding) => {
    const bytes = ENCODINGS[encoding](archiveOf('docker save of 20', { layers: [LARGE], layerEncoding }));
    await expect(checkBytes(bytes, { maxBytes: 2 ** 20 })).rejects.toMatchObject({
      code: 'ARCHIVE_TOO_LARGE',
    });
    await expect(checkBytes(bytes, { freeBytes: 2 ** 20 })).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(
      (await checkBytes(bytes, { maxBytes: 2 ** 23, freeBytes: 2 ** 23 + 2 ** 20 })).image.diffIds,
    ).toHaveLength(1);
  });

  it('a layer that the engine has takes its room once', async () => {
    const bytes = archiveOf('docker save of 20', { layers: [LARGE], layerEncoding: 'gzip' });
    const knownLayers = new Set([`sha256:${hexOf(LARGE)}`]);
    expect((await checkBytes(bytes, { freeBytes: 2 ** 20, knownLayers })).image.diffIds).toHaveLength(1);
  });

  it('what a window of zstd takes of the memory', async () => {
    const large = (content: Buffer) =>
      zstdCompressSync(content, {
        params: { [constants.ZSTD_c_windowLog]: 24, [constants.ZSTD_c_contentSizeFlag]: 0 },
      });
    const bytes = large(tar(...OLD, { name: 'zeros', content: Buffer.alloc(2 ** 24) }));
    await expect(checkBytes(bytes)).rejects.toMatchObject({
      code: 'ARCHIVE_TOO_LARGE',
      message: expect.stringMatching(/--ultra/),
    });
    const layers = [tar({ name: 'zeros', content: Buffer.alloc(2 ** 24) })];
    const layer = replaced('docker save of 20', /layer\.tar$/, large, { layers });
    await expect(checkBytes(tar(...layer))).rejects.toMatchObject({
      code: 'LAYER_DAMAGED',
      message: expect.stringMatching(/larger window/),
    });
  });

  it('documents, by their size and by what they hold', async () => {
    const large = json([{ Config: 'x', RepoTags: ['a'.repeat(5 * 2 ** 20)] }]);
    const many = Buffer.from(`[${'{},'.repeat(10 ** 6)}{}]`);
    for (const content of [large, many]) {
      await expect(checkBytes(tar({ name: 'manifest.json', content }))).rejects.toMatchObject({
        code: 'MANIFEST_INVALID',
      });
    }
    const kept = Array.from({ length: 6 }, (_, i) => ({
      name: `${i}.json`,
      content: json({ rootfs: `${i}`.repeat(3 * 2 ** 20) }),
    }));
    await expect(checkBytes(tar(...kept))).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE' });
  });
});

describe('what ends early', () => {
  it('a signal ends what hangs, and its source', async () => {
    const ending = new AbortController();
    const waits = Promise.withResolvers<void>();
    let isClosed = false;
    const hanging: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          waits.resolve();
          return new Promise(() => undefined);
        },
        return: async () => {
          isClosed = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const checking = checkSource(hanging, { signal: ending.signal });
    await waits.promise;
    ending.abort(new RangeError('enough'));
    await expect(checking).rejects.toThrow(new RangeError('enough'));
    expect(isClosed).toBe(true);
  });

  it('what the source throws is thrown', async () => {
    async function* broken() {
      yield archiveOf('docker save of 20').subarray(0, 3000);
      throw new RangeError('the client went away');
    }
    await expect(checkSource(broken())).rejects.toThrow(new RangeError('the client went away'));
  });

  it('who reads no further closes the source', async () => {
    let isClosed = false;
    async function* source() {
      try {
        yield* inPieces(archiveOf('docker save of 20'), 100);
      } finally {
        isClosed = true;
      }
    }
    const { archive, image } = checkImageStream(source(), wantedOf());
    await archive.next();
    await archive.return(undefined);
    await expect(image).rejects.toThrow('not read to its end');
    expect(isClosed).toBe(true);
  });

  it('what a name cannot be found for is not named', async () => {
    const failing = checkBytes(archiveOf('docker save of 20'), {
      tagsFor: () => Promise.reject(new RangeError('no engine')),
    });
    await expect(failing).rejects.toThrow(new RangeError('no engine'));
  });
});
