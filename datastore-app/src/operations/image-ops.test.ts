// SPDX-License-Identifier: Apache-2.0
import { lstatSync, statSync } from 'node:fs';
import { mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import { parseOciDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImporter } from '../archive-imports/importer.ts';
import { openRegistry, type Registry } from '../blobs/open-registry.ts';
import { createDiskArtifacts } from '../container-images/disk-artifacts.ts';
import { createRepositoryFinder } from '../container-images/known-repositories.ts';
import { createSourceReadAt } from '../content/byte-source.ts';
import { createHasher } from '../content/hasher.ts';
import { createSpace } from '../content/space.ts';
import { damaged } from '../formats/file-format.ts';
import {
  CONFIG,
  CONFIG_TYPE,
  descriptor,
  digestOf,
  json,
  LAYER_TYPE,
  LAYERS,
} from '../formats/testing/container-archives.ts';
import { qcow1 } from '../formats/testing/headers.ts';
import { OVA_DISK, SOUND_IMAGES, soundQcow2 } from '../formats/testing/sound-images.ts';
import { createImageStore, type ImageStore } from '../images/image-store.ts';
import { createImageOpener } from '../images/open-image.ts';
import { ownParser } from '../parsing/run-task.ts';
import { storedLinks } from '../registry/manifest-content.ts';
import type { CheckByProgram } from './file-operations.ts';
import type { ImageName } from './image-name.ts';
import {
  type ImageOperations,
  type NewContent,
  OPERATION_FORMATS,
  OPERATIONS,
  type OperationFormat,
} from './image-operations.ts';
import { createImageOps, type ImageOps } from './image-ops.ts';

const hasher = createHasher();
const space = createSpace(
  { freeBytes: async () => 2 ** 40, usedBytes: () => 0 },
  { reserveBytes: 0, quotaBytes: undefined },
);
const CONTENTS: Record<Exclude<OperationFormat, 'oci'>, () => Buffer> = {
  ...SOUND_IMAGES,
  qcow: () => qcow1(1024 ** 2),
};
const signal = new AbortController().signal;

let root: string;
let store: ImageStore;
let registry: Registry;
let ops: ImageOps;
/** What the catalogue would know. */
const known = new Map<string, { sha256: string; isCorrupt: boolean }>();
let checkByQemu: CheckByProgram = async () => undefined;

async function* bytes(content: Buffer) {
  yield content;
}
const file = (path: string): ImageName => ({ kind: 'file', path });
const oci = (repository: string, tag?: string): ImageName => ({
  kind: 'oci',
  repository,
  reference: tag === undefined ? undefined : { tag },
});

const archive = (content: Buffer): NewContent => ({
  kind: 'archive',
  content: bytes(content),
  platforms: [],
  caller: { subject: 'admin', client: '192.0.2.1', may: () => true },
});

async function pushBlob(name: string, content: Buffer): Promise<void> {
  const { id } = await registry.createUpload(name);
  await registry.appendUpload(name, id, undefined, bytes(content));
  const digest = parseOciDigest(digestOf(content));
  if (digest !== undefined) await registry.finishUpload(name, id, digest);
}
async function push(
  name: string,
  tag: string,
  config: Buffer,
  type: string,
  layers: readonly Buffer[],
  layerType: string,
) {
  for (const each of [config, ...layers]) await pushBlob(name, each);
  const manifest = json({
    ...{ schemaVersion: 2, mediaType: OCI_MANIFEST, config: descriptor(config, type) },
    layers: layers.map((layer) => descriptor(layer, layerType)),
  });
  const digest = parseOciDigest(digestOf(manifest));
  if (digest === undefined) throw new Error('no digest');
  const links = storedLinks(parseManifest(manifest, OCI_MANIFEST));
  await registry.putManifest(name, {
    bytes: manifest,
    mediaType: OCI_MANIFEST,
    digest,
    tags: [tag],
    ...links,
  });
  return digest;
}
const pushImage = (name: string, tag: string, layers: readonly Buffer[] = LAYERS) =>
  push(name, tag, CONFIG, CONFIG_TYPE, layers, LAYER_TYPE);
const pushDisk = (name: string, tag: string, disk: Buffer) =>
  push(name, tag, Buffer.from('{}'), 'application/vnd.oci.empty.v1+json', [disk], 'application/x-qcow2');

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'operations-')));
  const noted = {
    onPublished: async (images: readonly { path: string; sha256: string }[]) => {
      for (const { path, sha256 } of images) known.set(path, { sha256, isCorrupt: false });
    },
    onRemoved: async (path: string) => void known.delete(path),
    onRenamed: async ({ path, to }: { path: string; to: string }) => {
      const before = known.get(path);
      known.delete(path);
      if (before !== undefined) known.set(to, before);
    },
  };
  store = createImageStore({ space, hash: hasher.hash, ...noted }, { root, owner: 'test' });
  registry = openRegistry(
    { log: silentLog, space, hash: hasher.hash },
    { root, uploadExpiryMs: 1e9, trashMs: 1e9, untaggedMs: undefined, keptVersions: undefined },
  );
  await registry.start();
  const find = createRepositoryFinder({
    recordOf: registry.recordOf,
    archives: { repositories: () => new Map() },
    upstreams: () => [],
  });
  const imageOf = (path: string) => {
    const there = known.get(path);
    const stat = statSync(join(root, path), { throwIfNoEntry: false });
    if (there === undefined || stat === undefined) return undefined;
    const state = there.isCorrupt ? 'corrupt' : 'ready';
    const linkTo = lstatSync(join(root, path)).isSymbolicLink() ? 'there' : undefined;
    return {
      path,
      sizeBytes: stat.size,
      sha256: there.sha256,
      state,
      ...(linkTo !== undefined && { linkTo }),
    };
  };
  ops = createImageOps({
    files: {
      catalogue: {
        find: imageOf,
        list: () => [{ path: 'link', linkTo: 'qcow2.img' }],
        totalBytes: (gone?: ReadonlySet<string>) =>
          [...known.keys()]
            .filter((path) => gone?.has(path) !== true)
            .reduce((sum, path) => sum + (imageOf(path)?.sizeBytes ?? 0), 0),
        async noteVerified(verifications: readonly { path: string; isCorrupt: boolean }[]) {
          for (const { path, isCorrupt } of verifications) {
            const there = known.get(path);
            if (there !== undefined) there.isCorrupt = isCorrupt;
          }
        },
      } as never,
      ...{ store, openImage: createImageOpener(root), hash: hasher.hash },
      archives: { repositories: () => new Map() },
      checkByQemu: (...asked) => checkByQemu(...asked),
      parser: ownParser,
    },
    registry: {
      ...{ find, stored: registry, shown: registry, noteDamaged() {} },
      platformsOf: async () => ['linux/amd64'],
      artifacts: createDiskArtifacts({ stored: registry, find, parser: ownParser }),
      importer: createImporter({ note: () => {}, registry, shown: registry, parser: ownParser }),
    },
  });
});
afterAll(async () => {
  await hasher.stop();
  await rm(root, { recursive: true });
});

/** What each operation is asked in the table; each cell has an image of its own. */
const CALLS: Record<
  string,
  (own: ImageOperations, name: ImageName, format: OperationFormat) => Promise<object>
> = {
  describe: (own, name) => own.describe(name),
  validate: (own, name) => own.validate(name, signal),
  updateHash: (own, name) => own.updateHash(name, signal),
  async create(own, name, format) {
    if (name.kind === 'oci') {
      const digest = await pushImage(name.repository, 'built');
      return own.create(name, { kind: 'manifest', digest });
    }
    const content = CONTENTS[format as 'raw']();
    return own.create(file(`created-${format}`), { kind: 'bytes', content: bytes(content), replace: false });
  },
  async import(own, name, format) {
    if (name.kind === 'oci') return own.import(name, archive(SOUND_IMAGES['oci-archive']()));
    const content = CONTENTS[format as 'raw']();
    const digests = [{ algorithm: 'sha256', hex: digestOf(content).slice(7) }] as const;
    return own.import(file(`imported-${format}`), {
      kind: 'bytes',
      content: bytes(content),
      digests,
      replace: false,
    });
  },
  export: (own, name) => own.export(name, {}),
  extract: (own, name) => own.extract(name.kind === 'oci' ? oci('lab/disk', '1') : name, undefined),
  release: (own, name) => own.release(name, true),
  remove: (own, name) => own.remove(name, {}),
  purge: (own, name) => own.purge(name, {}),
  rename: (own, name, format) => own.rename(name, name.kind === 'oci' ? 'other' : `renamed-${format}`, {}),
};

/** Everything else is there for every format. */
const LACKING: Partial<Record<string, readonly OperationFormat[]>> = {
  extract: OPERATION_FORMATS.filter((format) => format !== 'ova' && format !== 'oci'),
  purge: OPERATION_FORMATS.filter((format) => format !== 'oci'),
};

async function make(format: OperationFormat, operation: string): Promise<ImageName> {
  if (format === 'oci') {
    await pushImage(`lab/${operation.toLowerCase()}`, '1');
    await pushDisk('lab/disk', '1', soundQcow2());
    return oci(`lab/${operation.toLowerCase()}`, '1');
  }
  const path = `${operation}-${format}`;
  const staged = await store.stage(bytes(CONTENTS[format]()), { path });
  await store.publish(staged, path, { replace: true });
  return file(path);
}

describe.each(OPERATIONS)('%s', (operation) => {
  it.each(OPERATION_FORMATS)('of %s works, or says which formats have it', async (format) => {
    const name = await make(format, operation);
    const result = await CALLS[operation]?.(ops(format), name, format);
    const isLacking = LACKING[operation]?.includes(format) === true;
    expect(result).toMatchObject(isLacking ? { ok: false, code: 'UNSUPPORTED' } : { ok: true });
    if (isLacking) {
      const formats = OPERATION_FORMATS.filter((each) => LACKING[operation]?.includes(each) === false);
      const message = expect.stringMatching(/it is there for .*\. \w.*\.$/);
      expect(result).toMatchObject({ formats, message });
    }
    if (result !== undefined && 'source' in result) (result.source as { close(): void }).close();
  });
});

async function put(path: string, content: Buffer) {
  await store.publish(await store.stage(bytes(content), { path }), path, { replace: true });
}
async function read(result: object): Promise<Buffer> {
  const { source } = result as { source: Parameters<typeof createSourceReadAt>[0] };
  const content = await createSourceReadAt(source)(0, source.sizeBytes);
  source.close();
  return content;
}

describe('a file', () => {
  it('is described with what stands in it', async () => {
    await put('app.ova', SOUND_IMAGES.ova());
    expect(await ops('ova').describe(file('app.ova'))).toMatchObject({
      format: 'ova',
      members: [{ name: 'app.ovf', isDisk: false }, { name: 'app.mf' }, { name: 'd.vmdk', isDisk: true }],
    });
    await put('app.tar', SOUND_IMAGES['oci-archive']());
    expect(await ops('oci-archive').describe(file('app.tar'))).toMatchObject({
      members: [
        {
          kind: 'image',
          names: [],
          layers: LAYERS.map((layer) => ({ digest: digestOf(layer), diffId: digestOf(layer) })),
        },
      ],
    });
  });

  it('gives a disk in it as it is, by its name where there are several', async () => {
    await put('app.ova', SOUND_IMAGES.ova());
    expect((await read(await ops('ova').extract(file('app.ova'), undefined))).equals(OVA_DISK)).toBe(true);
    expect((await read(await ops('ova').extract(file('app.ova'), 'd.vmdk'))).equals(OVA_DISK)).toBe(true);
    expect(await ops('ova').extract(file('app.ova'), 'e.vmdk')).toMatchObject({
      ok: false,
      code: 'DISK_UNKNOWN',
    });
  });

  it('that the disk damaged is found, and served no more', async () => {
    await put('a.img', soundQcow2());
    known.set('a.img', { sha256: 'ab'.repeat(32), isCorrupt: false });
    const validated = await ops('qcow2').validate(file('a.img'), signal);
    expect(validated).toMatchObject({
      ok: true,
      checks: ['content', 'sha256'],
      defects: [{ code: 'DAMAGED' }],
    });
    expect(known.get('a.img')?.isCorrupt).toBe(true);
    expect(await ops('qcow2').release(file('a.img'), true)).toMatchObject({ ok: false, code: 'NOT_HASHED' });
    expect(await ops('qcow2').updateHash(file('a.img'), signal)).toMatchObject({
      before: 'ab'.repeat(32),
      isDifferent: true,
    });
  });

  it('that is sound is shown to QEMU, where that is, and no other', async () => {
    const asked: string[] = [];
    checkByQemu = async (place, format) => {
      asked.push(`${place} ${format}`);
      return [damaged('by QEMU')];
    };
    try {
      await put('a.img', soundQcow2());
      expect(await ops('qcow2').validate(file('a.img'), signal)).toMatchObject({
        checks: ['content', 'sha256', 'qemu-img'],
        defects: [{ message: 'by QEMU' }],
      });
      const content = soundQcow2();
      content.writeBigUInt64BE(512n, 8);
      content.writeUInt32BE(4, 16);
      await put('b.img', content);
      await ops('qcow2').validate(file('b.img'), signal);
      expect(asked).toEqual([`${join(root, 'a.img')} qcow2`]);
    } finally {
      checkByQemu = async () => undefined;
    }
  });

  it('is not changed by a dry run, which says what would be', async () => {
    await put('qcow2.img', soundQcow2());
    expect(await ops('qcow2').remove(file('qcow2.img'), { dryRun: true })).toMatchObject({
      ok: true,
      isDone: false,
      sentences: [
        expect.stringContaining('qcow2.img, 384 KiB: removed'),
        '384 KiB come free.',
        'The link link leads nowhere then.',
      ],
    });
    expect(await ops('qcow2').rename(file('qcow2.img'), 'b/c.img', { dryRun: true })).toMatchObject({
      isDone: false,
    });
    expect((await readFile(join(root, 'qcow2.img'))).length).toBeGreaterThan(0);
  });

  it.each([
    ['remove', () => ops('raw').remove(file('kept.img'), {})],
    ['remove, dry', () => ops('raw').remove(file('kept.img'), { dryRun: true })],
    ['rename', () => ops('raw').rename(file('kept.img'), 'x.img', {})],
    [
      'create',
      () =>
        ops('raw').create(file('kept.img'), {
          kind: 'bytes',
          content: bytes(Buffer.alloc(512)),
          replace: true,
        }),
    ],
  ])('that is released answers IMAGE_RELEASED to %s', async (_title, change) => {
    if (!known.has('kept.img')) await put('kept.img', Buffer.alloc(512));
    await ops('raw').release(file('kept.img'), true);
    expect(await change()).toMatchObject({ ok: false, code: 'IMAGE_RELEASED' });
  });

  it.each(OPERATIONS.filter((each) => !['create', 'import', 'extract', 'purge'].includes(each)))(
    'that is not there answers IMAGE_MISSING to %s',
    async (operation) => {
      const result = await CALLS[operation]?.(ops('raw'), file('none.img'), 'raw');
      expect(result).toMatchObject({ ok: false, code: 'IMAGE_MISSING' });
    },
  );

  it('is not imported without a digest, nor with another', async () => {
    const content = Buffer.alloc(512);
    const wanted = { kind: 'bytes', content: bytes(content), replace: false } as const;
    expect(await ops('raw').import(file('i.img'), wanted)).toMatchObject({ code: 'UPLOAD_INVALID' });
    const digests = [{ algorithm: 'sha256', hex: 'ab'.repeat(32) }] as const;
    const other = await ops('raw').import(file('i.img'), { ...wanted, content: bytes(content), digests });
    expect(other).toMatchObject({ ok: false, code: 'DIGEST_MISMATCH' });
  });

  it('is no repository, and the other way round', async () => {
    expect(await ops('raw').describe(oci('lab/app'))).toMatchObject({ ok: false, code: 'NAME_INVALID' });
    expect(await ops('oci').describe(file('a.img'))).toMatchObject({ ok: false, code: 'NAME_INVALID' });
  });

  it('at a link is what the link leads to', async () => {
    await put('there', soundQcow2());
    await symlink('there', join(root, 'alias'));
    known.set('alias', { sha256: digestOf(soundQcow2()).slice(7), isCorrupt: false });
    expect(await ops('qcow2').describe(file('alias'))).toMatchObject({ ok: true, format: 'qcow2' });
    expect(await ops('qcow2').rename(file('alias'), 'x', {})).toMatchObject({
      ok: false,
      code: 'PATH_TAKEN',
    });
  });
});

describe('a repository', () => {
  it('says what a removal takes along, and leaves the rest', async () => {
    await pushImage('r/one', '1');
    await pushImage('r/one', 'latest');
    await pushImage('r/one', '2', [LAYERS[0]]);
    const dry = await ops('oci').remove(oci('r/one', '1'), { dryRun: true });
    expect(dry).toMatchObject({ ok: true, isDone: false });
    expect((dry as { sentences?: readonly string[] }).sentences?.join(' ')).toContain(
      '2 tags with it: 1, latest.',
    );
    expect(dry).toMatchObject({ freedBytes: LAYERS[1].length });
    expect(await ops('oci').remove(oci('r/one', '1'), { dryRun: true, tagOnly: true })).toMatchObject({
      ...{ isDone: false, freedBytes: 0 },
      sentences: [
        expect.stringMatching(/^r\/one:1: the tag is removed/),
        'The image stays, as latest.',
        'No room comes free.',
      ],
    });
    expect(registry.recordOf('r/one')?.tags.size).toBe(3);
    expect(await ops('oci').remove(oci('r/one', 'latest'), { tagOnly: true })).toMatchObject({
      isDone: true,
    });
    expect(await ops('oci').remove(oci('r/one', '1'), { dryRun: true, tagOnly: true })).toMatchObject({
      sentences: { 1: expect.stringContaining('stays without a tag') },
    });
    expect(await ops('oci').remove(oci('r/one'), { tagOnly: true })).toMatchObject({ ok: false });
    await ops('oci').remove(oci('r/one', '1'), {});
    expect(registry.recordOf('r/one')?.tags.size).toBe(1);
    expect(await ops('oci').purge(oci('r/one'), { dryRun: true })).toMatchObject({ isDone: false });
    expect(await ops('oci').purge(oci('r/one'), {})).toMatchObject({ isDone: true });
    expect(await ops('oci').describe(oci('r/one'))).toMatchObject({ ok: false, code: 'IMAGE_MISSING' });
  });

  it('whose name differs in capital letters alone is refused by name', async () => {
    await pushImage('r/two', '1');
    await pushImage('r/three', '1');
    expect(await ops('oci').rename(oci('r/three'), 'R/Two', {})).toEqual({
      ...{ ok: false, code: 'NAME_TAKEN' },
      message: 'There is a repository r/two already.',
    });
    expect(await ops('oci').rename(oci('r/three'), 'R/Four', {})).toMatchObject({
      sentences: [expect.stringContaining('"R/Four" is taken for "r/four"'), expect.anything()],
    });
  });

  it('takes an archive as its next version, or as the tag that is asked for', async () => {
    const content = SOUND_IMAGES['oci-archive']();
    expect(await ops('oci').import(oci('r/in'), archive(content))).toMatchObject({
      ...{ ok: true, image: 'oci:r/in:1', version: '1' },
    });
    expect([...(registry.recordOf('r/in')?.tags.keys() ?? [])].sort()).toEqual(['1', 'latest']);
    // The same again is no further version.
    expect(await ops('oci').import(oci('r/in'), archive(content))).toMatchObject({ version: '1' });
    expect(await ops('oci').import(oci('r/in', 'other'), archive(content))).toMatchObject({
      ...{ ok: true, image: 'oci:r/in:other', version: 'other' },
    });
    await pushImage('r/in', '7', [LAYERS[1]]);
    await pushImage('r/in', 'latest', [LAYERS[0]]);
    const saved = archive(SOUND_IMAGES['docker-archive']());
    expect(await ops('oci').import(oci('r/in'), saved)).toMatchObject({ version: '8' });
  });

  it.each<[string, string, NewContent | undefined]>([
    ['ARCHIVE_INVALID', '1', archive(Buffer.alloc(512, 'x'))],
    ['UPLOAD_INVALID', '1', { kind: 'bytes', content: bytes(Buffer.alloc(1)), replace: false }],
    ['TAG_RELEASED', 'kept', undefined],
  ])('refuses what is none with %s', async (code, tag, content) => {
    await pushImage('r/out', 'kept', [LAYERS[0]]);
    await ops('oci').release(oci('r/out', 'kept'), true);
    const given = content ?? archive(SOUND_IMAGES['oci-archive']());
    expect(await ops('oci').import(oci('r/out', tag), given)).toMatchObject({ ok: false, code });
    await ops('oci').release(oci('r/out', 'kept'), false);
  });

  it('with a released tag stays', async () => {
    await pushImage('r/five', '1');
    await ops('oci').release(oci('r/five', '1'), true);
    for (const change of [
      ops('oci').remove(oci('r/five', '1'), { dryRun: true }),
      ops('oci').remove(oci('r/five', '1'), { dryRun: true, tagOnly: true }),
      ops('oci').purge(oci('r/five'), { dryRun: true }),
      ops('oci').purge(oci('r/five'), {}),
      ops('oci').rename(oci('r/five'), 'r/six', {}),
      ops('oci').rename(oci('r/five', '1'), '2', {}),
    ]) {
      expect(await change).toMatchObject({ ok: false, code: 'TAG_RELEASED' });
    }
  });

  it('gives a disk that was pushed as a flat file', async () => {
    await pushDisk('r/disk', 'v1', soundQcow2());
    expect(await ops('oci').describe(oci('r/disk', 'v1'))).toMatchObject({
      content: 'qcow2',
      virtualSizeBytes: 1024 ** 3,
    });
    const flat = await ops('oci').extract(oci('r/disk', 'v1'), undefined);
    expect(flat).toMatchObject({ fileName: 'r-disk-v1.qcow2', entityTag: `"${digestOf(soundQcow2())}"` });
    expect((await read(flat)).equals(soundQcow2())).toBe(true);
    await pushImage('r/disk', 'app');
    expect(await ops('oci').extract(oci('r/disk', 'app'), undefined)).toMatchObject({ code: 'DISK_UNKNOWN' });
  });
});
