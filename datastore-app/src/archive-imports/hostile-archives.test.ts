// SPDX-License-Identifier: Apache-2.0
/** Archives that are made to do harm, or are not whole: nothing is named, and nothing waits for more of them. */

import { Readable } from 'node:stream';
import { constants, createGzip, gzipSync, zstdCompressSync } from 'node:zlib';
import { OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { octal, tar, tarHeader, tarMember } from '@local-datastore/shared/tar/testing/tar';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StoreError } from '../content/store-error.ts';
import {
  blob,
  descriptor,
  IMAGE_BLOBS,
  indexFile,
  LAYERS,
  LAYOUT,
  MANIFEST,
} from '../formats/testing/container-archives.ts';
import { decompressed } from './decompressed.ts';
import { createImportScene, type ImportScene, inPieces } from './testing/import-scene.ts';

let scene: ImportScene;
beforeEach(async () => {
  scene = await createImportScene();
});
afterEach(() => scene.remove());

const NAMED = descriptor(MANIFEST, OCI_MANIFEST, {
  annotations: { 'org.opencontainers.image.ref.name': 'lab/app:1' },
});
const IMAGE = tar(LAYOUT, ...IMAGE_BLOBS, indexFile(NAMED));
const gzipped = gzipSync(IMAGE);
const zstd = zstdCompressSync(IMAGE);
const manyMembers = Buffer.concat([
  ...Array.from({ length: 20_001 }, (_, i) => tarHeader({ name: `f${i}` })),
  Buffer.alloc(1024),
]);
const manyDescriptions = Buffer.concat(
  Array.from({ length: 70_000 }, () => tarHeader({ name: 'x', type: 'g' })),
);

it.each<[string, Buffer, string, RegExp]>([
  ['nothing', Buffer.alloc(0), 'ARCHIVE_INVALID', /no container images/],
  ['a tar of something else', tar({ name: 'a/b', content: 'c' }), 'ARCHIVE_INVALID', /no container images/],
  ['no tar', Buffer.alloc(2000, 'x'), 'ARCHIVE_INVALID', /no tar archive/],
  [
    'a tar that is cut within a member',
    IMAGE.subarray(0, tarMember(LAYOUT).length + 700),
    'ARCHIVE_INVALID',
    /only a part/,
  ],
  [
    'a tar that is cut within a header',
    IMAGE.subarray(0, tarMember(LAYOUT).length + 100),
    'ARCHIVE_INVALID',
    /within a header/,
  ],
  [
    'a damaged header',
    Buffer.concat([IMAGE.subarray(0, 1024), Buffer.alloc(512, 'y'), IMAGE.subarray(1536)]),
    'ARCHIVE_INVALID',
    /header cannot be read/,
  ],
  ['gzip that is cut', gzipped.subarray(0, -20), 'ARCHIVE_INVALID', /cut off/],
  [
    'gzip whose checksum is wrong',
    Buffer.concat([gzipped.subarray(0, -8), Buffer.alloc(8)]),
    'ARCHIVE_INVALID',
    /damaged/,
  ],
  ['zstd that is cut', zstd.subarray(0, -20), 'ARCHIVE_INVALID', /cut off/],
  [
    'zstd that is damaged',
    Buffer.concat([zstd.subarray(0, 40), Buffer.alloc(40, 1), zstd.subarray(80)]),
    'ARCHIVE_INVALID',
    /damaged/,
  ],
  [
    'zstd of which a later frame is cut',
    Buffer.concat([
      zstdCompressSync(IMAGE.subarray(0, 2000)),
      zstdCompressSync(IMAGE.subarray(2000)).subarray(0, -5),
    ]),
    'ARCHIVE_INVALID',
    /cut off/,
  ],
  ['zstd with something behind it', Buffer.concat([zstd, Buffer.from('text')]), 'ARCHIVE_INVALID', /follows/],
  [
    'gzip with something behind it',
    Buffer.concat([gzipped, Buffer.from('text')]),
    'ARCHIVE_INVALID',
    /follows/,
  ],
  ['xz', Buffer.from('fd377a585a000000', 'hex'), 'ARCHIVE_INVALID', /compressed with xz/],
  ['bzip2', Buffer.from('BZh91AY&SY'), 'ARCHIVE_INVALID', /compressed with bzip2/],
  ['more members than any archive has', manyMembers, 'ARCHIVE_TOO_LARGE', /more than 20000 members/],
  ['headers without end', manyDescriptions, 'ARCHIVE_INVALID', /header cannot be read/],
  [
    'an index of 2 MiB',
    tar(LAYOUT, { name: 'index.json', content: Buffer.alloc(2 * 1024 * 1024, ' ') }),
    'ARCHIVE_TOO_LARGE',
    /index\.json is too large/,
  ],
  [
    'a member of 8 EiB',
    Buffer.concat([
      tarHeader({ name: blob(MANIFEST).name, sizeField: Buffer.from('80000000ffffffffffffffff', 'hex') }),
      Buffer.alloc(4096),
    ]),
    'ARCHIVE_INVALID',
    /./,
  ],
  [
    'a list of a set that is none',
    tar({ name: 'datastore-set.json', content: '{}' }),
    'ARCHIVE_INVALID',
    /datastore-set\.json is damaged/,
  ],
])('%s is refused', async (_title, archive, code, message) => {
  await expect(scene.import(archive)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
  expect(await scene.shown()).toEqual({});
  expect(scene.test.registry.state().uploads).toBe(0);
});

it('of two members of one name the last counts, and names that lead elsewhere are none of its', async () => {
  const other = indexFile(descriptor(MANIFEST, OCI_MANIFEST));
  const archive = tar(
    LAYOUT,
    other,
    { name: '../../blobs/x', content: 'y' },
    { name: '/blobs/sha256/z', content: 'y' },
    { name: 'blobs/sha256/../../x', content: 'y' },
    ...IMAGE_BLOBS,
    ...IMAGE_BLOBS,
    indexFile(NAMED),
  );
  expect(await scene.import(archive)).toMatchObject({
    failed: [],
    images: [{ repository: 'lab/app' }],
    blobs: 4,
  });
});

it('what is compressed as nothing is that anybody made to be read is given up', async () => {
  async function* zeros() {
    const piece = Buffer.alloc(8 * 1024 * 1024);
    for (let i = 0; i < 512; i += 1) yield piece;
  }
  const bomb = Readable.from(zeros()).pipe(createGzip({ level: constants.Z_BEST_SPEED }));
  let bytes = 0;
  const read = async () => {
    for await (const piece of decompressed(bomb)) bytes += piece.length;
  };
  await expect(read()).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE' });
  expect(bytes).toBeLessThan(1.1 * 1024 ** 3);
});

it('a window of zstd that takes much memory is refused', async () => {
  const params = { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_enableLongDistanceMatching]: 1 };
  const large = Buffer.concat([IMAGE, Buffer.alloc(140 * 1024 * 1024)]);
  const archive = zstdCompressSync(large, { params });
  await expect(scene.import(archive)).rejects.toMatchObject({
    code: 'ARCHIVE_TOO_LARGE',
    message: expect.stringContaining('--long'),
  });
});

it('whoever sends and goes away leaves nothing that is named, and the next time it is whole', async () => {
  async function* broken() {
    yield* inPieces(IMAGE.subarray(0, 4000));
    throw new Error('aborted');
  }
  const wish = { name: undefined, platforms: [] };
  const caller = { subject: 'admin', client: '192.0.2.1', may: () => true };
  await expect(scene.importer().importArchive(broken(), wish, caller)).rejects.toThrow('aborted');
  expect(await scene.shown()).toEqual({});
  expect(scene.test.registry.state().uploads).toBe(0);
  expect(await scene.import(IMAGE)).toMatchObject({ failed: [], images: [{ repository: 'lab/app' }] });
});

it('an upload that a kill left behind does not stay', async () => {
  const [layer] = LAYERS;
  const { registry } = scene.test;
  // It stands still in the middle of a layer, as when the process is killed.
  async function* stuck() {
    yield* inPieces(Buffer.concat([tarMember(LAYOUT), tarMember(blob(layer)).subarray(0, 700)]));
    await new Promise(() => {});
  }
  void scene
    .importer()
    .importArchive(
      stuck(),
      { name: undefined, platforms: [] },
      { subject: 'admin', client: '192.0.2.1', may: () => true },
    );
  await expect.poll(() => registry.state().uploads).toBe(1);
  await scene.test.restart();
  expect(scene.test.registry.state().uploads).toBe(1);
  expect(await scene.import(IMAGE)).toMatchObject({ failed: [] });
  expect(scene.test.registry.state().uploads).toBe(0);
});

it('what there is no room for is said, and nothing stays', async () => {
  const small = await createImportScene({ quotaBytes: 4000 });
  try {
    await expect(small.import(IMAGE)).rejects.toSatisfy(
      (error) => error instanceof StoreError && error.code === 'QUOTA_EXCEEDED',
    );
    expect([await small.shown(), small.test.registry.state().uploads]).toEqual([{}, 0]);
  } finally {
    await small.remove();
  }
});

it('a member whose size is written in another way is read by what it says', async () => {
  const [layer] = LAYERS;
  const large = tarHeader({
    ...blob(layer),
    sizeField: Buffer.concat([
      Buffer.from([0x80, 0, 0, 0]),
      Buffer.alloc(6),
      Buffer.from([layer.length >> 8, layer.length & 255]),
    ]),
  });
  expect(octal(layer.length)).toHaveLength(12);
  const rest = IMAGE_BLOBS.filter(({ content }) => content !== layer);
  const archive = Buffer.concat([large, layer, tar(LAYOUT, ...rest, indexFile(NAMED))]);
  expect(await scene.import(archive)).toMatchObject({ failed: [] });
});
