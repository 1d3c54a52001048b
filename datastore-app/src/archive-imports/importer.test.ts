// SPDX-License-Identifier: Apache-2.0
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { paxMember, type TestMember, tar } from '@local-datastore/shared/tar/testing/tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  blob,
  CONFIG,
  CONFIG_MEMBER,
  CONFIG_NAME,
  CONFIG_TYPE,
  configOf,
  descriptor,
  digestOf,
  hexOf,
  IMAGE_BLOBS,
  indexFile,
  json,
  LAYER_TYPE,
  LAYERS,
  LAYOUT,
  MANIFEST,
  SAVED,
  saved,
} from '../formats/testing/container-archives.ts';
import { createImportScene, type ImportScene } from './testing/import-scene.ts';

let scene: ImportScene;
beforeEach(async () => {
  scene = await createImportScene();
});
afterEach(() => scene.remove());

const [FIRST, SECOND] = LAYERS;
const named = (name: string) => ({ annotations: { 'org.opencontainers.image.ref.name': name } });
const withContainerdName = (name: string, tag: string) => ({
  annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag },
});
const entry = (content: Buffer, type = OCI_MANIFEST, more: object = {}) => descriptor(content, type, more);
const layout = (...members: readonly TestMember[]) => tar(LAYOUT, ...members);
const oneImage = (name: string) =>
  layout(...IMAGE_BLOBS, indexFile(entry(MANIFEST, OCI_MANIFEST, named(name))));
/** What the importer writes for an archive that has no manifest: the same for the same image. */
const WRITTEN = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptor(CONFIG, CONFIG_TYPE),
    layers: LAYERS.map((layer) => descriptor(layer, LAYER_TYPE)),
  }),
);
const layerFiles = [
  { name: 'a/layer.tar', content: FIRST },
  { name: 'b/layer.tar', content: SECOND },
];
const byDiffId = { ...SAVED, Layers: LAYERS.map((layer) => `${hexOf(layer)}.tar`) };
const diffIdFiles = LAYERS.map((content) => ({ name: `${hexOf(content)}.tar`, content }));

/** Of one image, which must come out as `lab/app:1`. */
describe('an archive', () => {
  it.each<[string, Buffer, string]>([
    [
      'of docker save before 1.10’s successors',
      tar(CONFIG_MEMBER, ...layerFiles, saved(SAVED)),
      digestOf(WRITTEN),
    ],
    ['with manifest.json first', tar(saved(SAVED), CONFIG_MEMBER, ...layerFiles), digestOf(WRITTEN)],
    [
      'of old docker save, with what it puts beside',
      tar(
        { name: 'a/', type: '5' },
        { name: 'a/VERSION', content: '1.0' },
        { name: 'a/json', content: '{}' },
        ...layerFiles,
        CONFIG_MEMBER,
        saved(SAVED),
        { name: 'repositories', content: '{"lab/app":{"1":"b"}}' },
      ),
      digestOf(WRITTEN),
    ],
    [
      'with a layer that is a link to another',
      tar(
        { name: 'a/layer.tar', type: '2', linkName: '../c/layer.tar' },
        { name: 'b/layer.tar', content: SECOND },
        { name: 'c/layer.tar', content: FIRST },
        CONFIG_MEMBER,
        saved(SAVED),
      ),
      digestOf(WRITTEN),
    ],
    ['of skopeo and podman', tar(...diffIdFiles, CONFIG_MEMBER, saved(byDiffId)), digestOf(WRITTEN)],
    [
      'of kaniko',
      tar(
        { name: digestOf(CONFIG), content: CONFIG },
        ...diffIdFiles,
        saved({ ...byDiffId, Config: digestOf(CONFIG) }),
      ),
      digestOf(WRITTEN),
    ],
    [
      'with a host in its name',
      tar(CONFIG_MEMBER, ...layerFiles, saved({ ...SAVED, RepoTags: ['ds.local:5000/lab/app:1'] })),
      digestOf(WRITTEN),
    ],
    ['that is a layout', oneImage('lab/app:1'), digestOf(MANIFEST)],
    [
      'that is a layout with the index first',
      layout(indexFile(entry(MANIFEST, OCI_MANIFEST, named('lab/app:1'))), ...IMAGE_BLOBS),
      digestOf(MANIFEST),
    ],
    [
      'of Docker 25, which is both',
      layout(
        ...IMAGE_BLOBS,
        indexFile(entry(MANIFEST, OCI_MANIFEST, withContainerdName('docker.io/lab/app:1', '1'))),
        saved({
          Config: `blobs/sha256/${hexOf(CONFIG)}`,
          RepoTags: ['lab/app:1'],
          Layers: LAYERS.map((each) => `blobs/sha256/${hexOf(each)}`),
        }),
      ),
      digestOf(MANIFEST),
    ],
    [
      'with names in pax headers',
      tar(
        CONFIG_MEMBER,
        paxMember({ path: 'a/layer.tar' }),
        { name: 'short', content: FIRST },
        layerFiles[1] as TestMember,
        saved(SAVED),
      ),
      digestOf(WRITTEN),
    ],
    [
      'whose names begin with ./',
      tar(
        LAYOUT,
        ...[...IMAGE_BLOBS, indexFile(entry(MANIFEST, OCI_MANIFEST, named('lab/app:1')))].map((each) => ({
          ...each,
          name: `./${each.name}`,
        })),
      ),
      digestOf(MANIFEST),
    ],
    ['that is compressed with gzip', gzipSync(oneImage('lab/app:1')), digestOf(MANIFEST)],
    [
      'that is compressed with gzip twice over, one behind the other',
      Buffer.concat([
        gzipSync(oneImage('lab/app:1').subarray(0, 2000)),
        gzipSync(oneImage('lab/app:1').subarray(2000)),
      ]),
      digestOf(MANIFEST),
    ],
    ['that is compressed with zstd', zstdCompressSync(oneImage('lab/app:1')), digestOf(MANIFEST)],
    [
      'that is compressed with zstd in several frames, with something to be skipped before each',
      Buffer.concat(
        [0, 1000, 2000].flatMap((from) => [
          Buffer.from('502a4d180400000000000000', 'hex'),
          zstdCompressSync(oneImage('lab/app:1').subarray(from, from === 2000 ? undefined : from + 1000)),
        ]),
      ),
      digestOf(MANIFEST),
    ],
    ['without blocks at its end', oneImage('lab/app:1').subarray(0, -1024), digestOf(MANIFEST)],
    [
      'that is filled up to a whole tape',
      Buffer.concat([oneImage('lab/app:1'), Buffer.alloc(20_480)]),
      digestOf(MANIFEST),
    ],
  ])('%s', async (_title, archive, digest) => {
    const report = await scene.import(archive);
    expect(report).toMatchObject({
      failed: [],
      notices: [],
      images: [{ repository: 'lab/app', tag: '1', digest }],
    });
    expect(await scene.shown()).toEqual({ 'lab/app': { 1: digest } });
    const { registry } = scene.test;
    const manifest = await registry.readManifest('lab/app', { tag: '1' });
    const { config } = JSON.parse(String(manifest?.bytes));
    expect(config.digest).toBe(digestOf(CONFIG));
    for (const content of [CONFIG, ...LAYERS]) {
      const found = { algorithm: 'sha256', hex: hexOf(content) } as const;
      expect(await registry.statBlob('lab/app', found, { isForPush: false })).toMatchObject({
        sizeBytes: content.length,
      });
    }
    expect(scene.test.registry.state().uploads).toBe(0);
  });

  it('that is here already brings nothing new', async () => {
    const [first] = (await scene.import(oneImage('lab/app:1'))).images;
    expect(first?.newBytes).toBe(first?.sizeBytes);
    const again = await scene.import(
      tar(...diffIdFiles, CONFIG_MEMBER, saved({ ...byDiffId, RepoTags: ['lab/other:1'] })),
    );
    expect(again.images).toMatchObject([{ repository: 'lab/other', newBytes: WRITTEN.length }]);
  });
});

describe('names', () => {
  const OTHER = json({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptor(CONFIG, CONFIG_TYPE),
    layers: [],
  });
  const two = (one: string, other: string) =>
    layout(
      ...IMAGE_BLOBS,
      blob(OTHER),
      indexFile(entry(MANIFEST, OCI_MANIFEST, named(one)), entry(OTHER, OCI_MANIFEST, named(other))),
    );
  const A = digestOf(MANIFEST);
  const B = digestOf(OTHER);

  it.each<[string, Buffer, string | undefined, object, string[]]>([
    [
      'of the archive',
      two('lab/app:1', 'x/base:2'),
      undefined,
      { 'lab/app': { 1: A }, 'x/base': { 2: B } },
      [],
    ],
    ['a name that is chosen', oneImage('lab/app:1'), 'my/app:7', { 'my/app': { 7: A } }, []],
    ['a repository that is chosen', two('1.0', '2.0'), 'my/app', { 'my/app': { '1.0': A, '2.0': B } }, []],
    [
      'none, and one is chosen',
      layout(...IMAGE_BLOBS, indexFile(entry(MANIFEST))),
      'my/app',
      { 'my/app': { latest: A } },
      [],
    ],
    ['none at all', layout(...IMAGE_BLOBS, indexFile(entry(MANIFEST))), undefined, {}, ['NAME_MISSING']],
    ['a tag alone', oneImage('1.0'), undefined, {}, ['NAME_MISSING']],
    [
      'one name for two images',
      two('lab/app:1', 'x/base:2'),
      'my/app:1',
      {},
      ['NAME_MISSING', 'NAME_MISSING'],
    ],
    ['the same tag twice', two('lab/app:1', 'x/base:1'), 'my/all', { 'my/all': { 1: A } }, ['NAME_CONFLICT']],
    [
      'that no repository may have',
      two('lab/app:1', 'x//y:2'),
      undefined,
      { 'lab/app': { 1: A } },
      ['NAME_INVALID'],
    ],
    [
      'of two that differ in case',
      two('Lab/App:1', 'lab/app:2'),
      undefined,
      { 'lab/app': { 1: A } },
      ['NAME_CONFLICT'],
    ],
    ['where archives stand', oneImage('lab/app:1'), 'archives/app:1', {}, ['READ_ONLY']],
  ])('%s', async (_title, archive, name, shown, codes) => {
    const report = await scene.import(archive, name === undefined ? {} : { name });
    expect(report.failed.map(({ code }) => code)).toEqual(codes);
    for (const { message } of report.failed) expect(message).toMatch(/\.$/);
    expect(await scene.shown()).toEqual(shown);
  });

  it('are lower-cased with a notice, the same again, and not where another spelling is there', async () => {
    const notices = ['"Lab/App" is imported as lab/app: repositories are named in lower case.'];
    expect(await scene.import(oneImage('Lab/App:1'))).toMatchObject({ notices, failed: [] });
    expect(await scene.import(oneImage('Lab/App:2'))).toMatchObject({ notices, failed: [] });
    await scene.test.restart();
    expect(await scene.import(oneImage('LAB/app:3'))).toMatchObject({
      failed: [{ name: 'LAB/app:3', code: 'NAME_CONFLICT', message: expect.stringContaining('"Lab/App"') }],
    });
    expect(await scene.import(oneImage('LAB/app:3'), { name: 'lab/app:3' })).toMatchObject({ failed: [] });
    expect(Object.keys((await scene.shown())['lab/app'] ?? {})).toEqual(['1', '2', '3']);
  });

  it('one that is not granted fails alone', async () => {
    const may = (_action: string, repository: string) => repository !== 'x/base';
    const report = await scene.import(two('lab/app:1', 'x/base:2'), { may });
    expect(report).toMatchObject({
      images: [{ repository: 'lab/app' }],
      failed: [{ name: 'x/base:2', code: 'DENIED' }],
    });
    expect(await scene.shown()).toEqual({ 'lab/app': { 1: A } });
  });

  it('a released tag stays', async () => {
    await scene.import(two('lab/app:1', 'lab/app:2'));
    await scene.test.registry.releaseTag('lab/app', '1', true);
    const report = await scene.import(two('lab/app:2', 'lab/app:1'));
    expect(report).toMatchObject({
      images: [{ tag: '2' }],
      failed: [{ name: 'lab/app:1', code: 'TAG_RELEASED' }],
    });
    expect(await scene.shown()).toEqual({ 'lab/app': { 1: A, 2: A } });
  });
});

describe('an index', () => {
  const platformImage = (architecture: string) => {
    const config = json({ architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: [] } });
    const manifest = json({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptor(config, CONFIG_TYPE),
      layers: [],
    });
    return {
      config,
      manifest,
      of: entry(manifest, OCI_MANIFEST, { platform: { os: 'linux', architecture } }),
    };
  };
  const [amd, arm] = [platformImage('amd64'), platformImage('arm64')];
  const attested = json({
    ...{
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      layers: [descriptor(FIRST, 'application/vnd.in-toto+json')],
    },
    config: descriptor(CONFIG, CONFIG_TYPE),
  });
  const attestation = entry(attested, OCI_MANIFEST, {
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': digestOf(arm.manifest),
    },
  });
  const INDEX = json({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [amd.of, arm.of, attestation] });
  const all = [INDEX, amd.config, amd.manifest, arm.config, arm.manifest, attested, CONFIG, FIRST].map(
    (each) => blob(each),
  );
  const archive = (members = all) =>
    layout(...members, indexFile(entry(INDEX, OCI_INDEX, named('lab/app:1'))));
  const stored = async () => {
    const manifests = scene.test.registry.recordOf('lab/app')?.manifests;
    return [INDEX, amd.manifest, arm.manifest, attested].map(
      (each) => manifests?.has(digestOf(each)) === true,
    );
  };

  it('comes whole', async () => {
    await scene.import(archive());
    expect(await stored()).toEqual([true, true, true, true]);
  });

  it('of which a part was archived is taken so', async () => {
    const report = await scene.import(archive(all.filter(({ content }) => content !== amd.manifest)));
    expect([report.failed, await stored()]).toEqual([[], [true, false, true, true]]);
  });

  it.each([
    [['linux/arm64'], [true, false, true, true]],
    [['linux/amd64'], [true, true, false, false]],
    [
      ['linux/amd64', 'linux/arm64'],
      [true, true, true, true],
    ],
  ])('with the platforms %j alone, and what attests them', async (platforms, expected) => {
    const report = await scene.import(archive(), { platforms });
    expect(report).toMatchObject({ failed: [], images: [{ digest: digestOf(INDEX) }] });
    expect(await stored()).toEqual(expected);
  });

  it('says which platforms there are, and what of one is missing', async () => {
    expect(await scene.import(archive(), { platforms: ['linux/s390x'] })).toMatchObject({
      failed: [{ code: 'PLATFORM_UNKNOWN', message: expect.stringContaining('linux/amd64, linux/arm64') }],
    });
    const part = archive(all.filter(({ content }) => content !== amd.manifest));
    expect(await scene.import(part, { platforms: ['linux/amd64'] })).toMatchObject({
      failed: [{ code: 'CONTENT_MISSING', missing: [{ digest: digestOf(amd.manifest) }] }],
    });
    expect(await scene.shown()).toEqual({});
  });
});

it('an image for one platform is not taken for another', async () => {
  const config = json({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } });
  const manifest = json({
    ...{ schemaVersion: 2, mediaType: OCI_MANIFEST, layers: [] },
    config: descriptor(config, CONFIG_TYPE),
  });
  const archive = layout(
    blob(config),
    blob(manifest),
    indexFile(entry(manifest, OCI_MANIFEST, named('lab/app:1'))),
  );
  expect(await scene.import(archive, { platforms: ['linux/arm64'] })).toMatchObject({
    failed: [{ code: 'PLATFORM_UNKNOWN', message: 'It is for linux/amd64 alone.' }],
  });
  expect(await scene.import(archive, { platforms: ['linux/arm64', 'linux/amd64'] })).toMatchObject({
    failed: [],
  });
});

describe('what refers to an image comes along', () => {
  const about = (subject: Buffer, artifactType = 'application/vnd.lab.note') =>
    json({
      ...{ schemaVersion: 2, mediaType: OCI_MANIFEST, artifactType, layers: [] },
      config: descriptor(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json'),
      subject: descriptor(subject, OCI_MANIFEST),
    });
  const NOTE = about(MANIFEST);
  const NOTE_ON_NOTE = about(NOTE);
  const SIGNATURE = json({ ...JSON.parse(String(MANIFEST)), annotations: { signed: 'yes' } });
  const EMPTY = blob(Buffer.from('{}'));
  const image = entry(MANIFEST, OCI_MANIFEST, named('lab/app:1'));
  const signatureTag = `sha256-${hexOf(MANIFEST)}.sig`;

  it.each<[string, Buffer]>([
    [
      'that the index names',
      layout(
        ...IMAGE_BLOBS,
        EMPTY,
        blob(NOTE),
        blob(NOTE_ON_NOTE),
        indexFile(image, entry(NOTE), entry(NOTE_ON_NOTE)),
      ),
    ],
    ['that nothing names', layout(blob(NOTE_ON_NOTE), blob(NOTE), EMPTY, ...IMAGE_BLOBS, indexFile(image))],
  ])('%s', async (_title, archive) => {
    const report = await scene.import(archive);
    expect([report.failed, report.images.length]).toEqual([[], 1]);
    const { registry } = scene.test;
    const sha256 = (content: Buffer) => ({ algorithm: 'sha256', hex: hexOf(content) }) as const;
    expect(await registry.listReferrers('lab/app', sha256(MANIFEST))).toMatchObject([
      { digest: sha256(NOTE) },
    ]);
    expect(await registry.listReferrers('lab/app', sha256(NOTE))).toMatchObject([
      { digest: sha256(NOTE_ON_NOTE) },
    ]);
  });

  it.each(['lab/app', ''])('by a tag that is made of its digest (%j)', async (repository) => {
    const tag = repository === '' ? signatureTag : `${repository}:${signatureTag}`;
    const archive = layout(
      ...IMAGE_BLOBS,
      blob(SIGNATURE),
      indexFile(image, entry(SIGNATURE, OCI_MANIFEST, named(tag))),
    );
    expect(await scene.import(archive, { name: 'my/app:2' })).toMatchObject({
      failed: [],
      images: [{ tag: '2' }],
    });
    expect(await scene.shown()).toEqual({
      'my/app': { 2: digestOf(MANIFEST), [signatureTag]: digestOf(SIGNATURE) },
    });
  });

  it('and is an image like others where that is not there', async () => {
    const archive = layout(EMPTY, blob(NOTE), indexFile(entry(NOTE)));
    expect(await scene.import(archive, { name: 'lab/note:1' })).toMatchObject({
      failed: [],
      images: [{ digest: digestOf(NOTE) }],
    });
  });
});

describe('what is not whole is not named', () => {
  const without = (gone: Buffer) => IMAGE_BLOBS.filter(({ content }) => content !== gone);
  const OTHER_CONFIG = configOf();
  const GOOD = json({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptor(OTHER_CONFIG, CONFIG_TYPE),
    layers: [],
  });
  const beside = (...members: readonly TestMember[]) =>
    layout(
      ...members,
      blob(GOOD),
      blob(OTHER_CONFIG),
      indexFile(
        entry(MANIFEST, OCI_MANIFEST, named('lab/bad:1')),
        entry(GOOD, OCI_MANIFEST, named('lab/good:1')),
      ),
    );
  const damaged = (content: Buffer): TestMember => ({
    ...blob(content),
    content: Buffer.alloc(content.length),
  });

  it.each<[string, Buffer, object]>([
    [
      'a layer is missing',
      beside(...without(SECOND)),
      { code: 'CONTENT_MISSING', missing: [{ digest: digestOf(SECOND), sizeBytes: SECOND.length }] },
    ],
    ['its manifest is missing', beside(...without(MANIFEST)), { code: 'CONTENT_MISSING' }],
    ['a layer is damaged', beside(...without(SECOND), damaged(SECOND)), { code: 'DIGEST_MISMATCH' }],
    ['its manifest is damaged', beside(...without(MANIFEST), damaged(MANIFEST)), { code: 'DIGEST_MISMATCH' }],
    [
      'its manifest is none',
      layout(
        blob(CONFIG),
        blob(GOOD),
        blob(OTHER_CONFIG),
        indexFile(
          entry(CONFIG, OCI_MANIFEST, named('lab/bad:1')),
          entry(GOOD, OCI_MANIFEST, named('lab/good:1')),
        ),
      ),
      { code: 'IMAGE_INVALID' },
    ],
  ])('%s: the others are', async (_title, archive, failure) => {
    const report = await scene.import(archive);
    expect(report.failed).toMatchObject([failure]);
    expect(await scene.shown()).toEqual({ 'lab/good': { 1: digestOf(GOOD) } });
  });

  it('a layer that another repository has, which may be pulled, is taken from there', async () => {
    await scene.import(oneImage('lab/app:1'));
    await scene.test.restart();
    const other = { subject: 'user:alice' };
    const archive = layout(
      ...without(SECOND),
      indexFile(entry(MANIFEST, OCI_MANIFEST, named('lab/delta:1'))),
    );
    const closed = await scene.import(archive, { ...other, may: (action) => action === 'push' });
    expect(closed.failed).toMatchObject([{ code: 'CONTENT_MISSING' }]);
    expect(await scene.import(archive, other)).toMatchObject({
      failed: [],
      images: [{ repository: 'lab/delta' }],
    });
  });

  it('who brings a digest without the content gets nothing of it', async () => {
    await scene.import(oneImage('lab/private:1'));
    const archive = layout(
      ...without(SECOND),
      damaged(SECOND),
      indexFile(entry(MANIFEST, OCI_MANIFEST, named('mallory/app:1'))),
    );
    const mallory = {
      subject: 'user:mallory',
      may: (_action: string, name: string) => name.startsWith('mallory/'),
    };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect((await scene.import(archive, mallory)).failed).toMatchObject([{ code: 'DIGEST_MISMATCH' }]);
    }
    const plain = layout(
      ...without(SECOND),
      indexFile(entry(MANIFEST, OCI_MANIFEST, named('mallory/app:1'))),
    );
    expect((await scene.import(plain, mallory)).failed).toMatchObject([{ code: 'CONTENT_MISSING' }]);
  });
});

describe('docker save, damaged', () => {
  it.each<[string, Buffer, string]>([
    ['a layer is missing', tar(CONFIG_MEMBER, layerFiles[0] as TestMember, saved(SAVED)), 'CONTENT_MISSING'],
    [
      'a layer is another one',
      tar(CONFIG_MEMBER, layerFiles[0] as TestMember, { name: 'b/layer.tar', content: tar() }, saved(SAVED)),
      'IMAGE_INVALID',
    ],
    [
      'layers are too few',
      tar(CONFIG_MEMBER, ...layerFiles, saved({ ...SAVED, Layers: ['a/layer.tar'] })),
      'IMAGE_INVALID',
    ],
    [
      'its config is none',
      tar({ name: CONFIG_NAME, content: 'x' }, ...layerFiles, saved(SAVED)),
      'IMAGE_INVALID',
    ],
    [
      'a layer is a link out of the archive',
      tar(
        CONFIG_MEMBER,
        { name: 'a/layer.tar', type: '2', linkName: '../../etc/passwd' },
        layerFiles[1] as TestMember,
        saved(SAVED),
      ),
      'CONTENT_MISSING',
    ],
    [
      'links lead in a circle',
      tar(
        CONFIG_MEMBER,
        { name: 'a/layer.tar', type: '2', linkName: '../b/layer.tar' },
        { name: 'b/layer.tar', type: '2', linkName: '../a/layer.tar' },
        saved(SAVED),
      ),
      'CONTENT_MISSING',
    ],
    [
      'a layer has an absolute name',
      tar(
        CONFIG_MEMBER,
        layerFiles[0] as TestMember,
        { name: '/etc/passwd', content: SECOND },
        saved({ ...SAVED, Layers: ['a/layer.tar', '/etc/passwd'] }),
      ),
      'CONTENT_MISSING',
    ],
  ])('%s', async (_title, archive, code) => {
    const report = await scene.import(archive);
    expect(report).toMatchObject({ images: [], failed: [{ name: 'lab/app:1', code }] });
    expect(await scene.shown()).toEqual({});
  });
});
