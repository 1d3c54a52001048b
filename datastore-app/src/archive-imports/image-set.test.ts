// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { type TestMember, tar } from '@local-datastore/shared/tar/testing/tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  blob,
  CONFIG,
  descriptor,
  digestOf,
  hexOf,
  indexFile,
  LAYERS,
  LAYOUT,
  MANIFEST,
} from '../formats/testing/container-archives.ts';
import { type ImageSet, parseChunkMark, parseImageSet } from './image-set.ts';
import { createImportScene, type ImportScene } from './testing/import-scene.ts';

let scene: ImportScene;
beforeEach(async () => {
  scene = await createImportScene();
});
afterEach(() => scene.remove());

const SET = createHash('sha256').update('set').digest('hex').slice(0, 32);
const [FIRST, SECOND] = LAYERS;
const half = Math.floor(SECOND.length / 2);
const parts = [SECOND.subarray(0, half), SECOND.subarray(half)] as const;
const mark = (chunk: number): TestMember => ({
  name: 'datastore-chunk.json',
  content: JSON.stringify({ version: 1, set: SET, chunk, of: 4 }),
});
const listed = (content: Buffer, chunk: number) => ({
  chunk,
  digest: digestOf(content),
  sizeBytes: content.length,
});
const LIST: ImageSet = {
  ...{ version: 1, set: SET, of: 4, chunkBytes: [1, 1, 1, 1] },
  images: [{ name: 'lab/app:1', digest: digestOf(MANIFEST), needs: [0, 1, 2] }],
  blobs: [listed(CONFIG, 1), listed(FIRST, 2)],
  split: [
    { digest: digestOf(SECOND), sizeBytes: SECOND.length, parts: [listed(parts[0], 3), listed(parts[1], 4)] },
  ],
  expected: [],
};
const part = (index: 0 | 1): TestMember => ({
  name: `datastore-parts/${hexOf(SECOND)}-${index}`,
  content: parts[index],
});
const named = descriptor(MANIFEST, OCI_MANIFEST, {
  annotations: { 'org.opencontainers.image.ref.name': 'lab/app:1' },
});
const chunkWith = (list: ImageSet) =>
  tar(
    mark(1),
    { name: 'datastore-set.json', content: JSON.stringify(list) },
    LAYOUT,
    indexFile(named),
    blob(MANIFEST),
    blob(CONFIG),
  );
const CHUNKS = [
  chunkWith(LIST),
  tar(mark(2), blob(FIRST)),
  tar(mark(3), part(0)),
  tar(mark(4), part(1)),
] as const;
const chunk = (number: number) => CHUNKS[number - 1] ?? Buffer.alloc(0);

describe('the chunks of a set', () => {
  it.each([[[2, 3, 4, 1]], [[4, 3, 2, 1]], [[3, 2, 4, 1]]])('come in any order: %j', async (order) => {
    for (const number of order.slice(0, -1)) {
      const kept = await scene.import(chunk(number));
      expect(kept).toMatchObject({ images: [], failed: [], chunk: { chunk: number, of: 4 }, blobs: 1 });
      expect(await scene.shown()).toEqual({});
      await scene.test.restart();
    }
    expect(await scene.import(chunk(1))).toMatchObject({
      failed: [],
      images: [{ digest: digestOf(MANIFEST) }],
    });
    expect(
      await scene.test.registry.statBlob(
        'lab/app',
        { algorithm: 'sha256', hex: hexOf(SECOND) },
        { isForPush: false },
      ),
    ).toMatchObject({ sizeBytes: SECOND.length });
  });

  it.each([
    [[2, 3], digestOf(SECOND), [4]],
    [[2], digestOf(SECOND), [3, 4]],
    [[3, 4], digestOf(FIRST), [2]],
  ])('of which %j are here: the rest is named', async (here, digest, chunks) => {
    for (const number of here) await scene.import(chunk(number));
    const report = await scene.import(chunk(1));
    expect(report).toMatchObject({
      images: [],
      failed: [{ name: 'lab/app:1', code: 'CONTENT_MISSING', missing: [{ digest, chunks }] }],
    });
    expect(report.notices).toEqual(['Nothing of the set was imported: it is taken as a whole.']);
    expect(await scene.shown()).toEqual({});
  });

  it('are kept for who brought them alone', async () => {
    const may = (action: string, name: string) => action === 'push' || !name.startsWith('archives/');
    for (const number of [2, 3, 4]) await scene.import(chunk(number), { may });
    const other = await scene.import(chunk(1), { subject: 'user:mallory', may });
    expect(other.failed).toMatchObject([{ code: 'CONTENT_MISSING' }]);
    expect((await scene.import(chunk(1), { may })).failed).toEqual([]);
  });

  it('whose pieces are not the blob', async () => {
    const swapped = LIST.split.map((each) => ({ ...each, parts: each.parts.toReversed() }));
    for (const number of [2, 3, 4]) await scene.import(chunk(number));
    const report = await scene.import(chunkWith({ ...LIST, split: swapped }));
    expect(report).toMatchObject({ images: [], failed: [{ code: 'DIGEST_MISMATCH' }] });
    expect(scene.test.registry.state().uploads).toBe(0);
  });

  it('what is still to be brought is said', async () => {
    await scene.import(chunk(2));
    const wanted = [FIRST, SECOND].map((content) => ({
      digest: { algorithm: 'sha256', hex: hexOf(content) } as const,
      sizeBytes: content.length,
    }));
    const caller = { subject: 'admin', client: '192.0.2.1', may: () => true };
    expect(await scene.importer().findMissing(wanted, caller)).toEqual([wanted[1]]);
  });
});

describe('the documents of a set', () => {
  it('are read as they were written', () => {
    expect(parseImageSet(Buffer.from(JSON.stringify(LIST)))).toEqual(LIST);
    expect(parseChunkMark(Buffer.from(String(mark(2).content)))).toMatchObject({ chunk: 2, of: 4 });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['another version', JSON.stringify({ ...LIST, version: 2 })],
    ['a digest that is none', JSON.stringify({ ...LIST, expected: [{ digest: 'sha256:1', sizeBytes: 1 }] })],
    [
      'a size below zero',
      JSON.stringify({ ...LIST, expected: [{ digest: digestOf(FIRST), sizeBytes: -1 }] }),
    ],
    [
      'a blob of no part',
      JSON.stringify({ ...LIST, split: [{ digest: digestOf(FIRST), sizeBytes: 1, parts: [] }] }),
    ],
  ])('%s is none', (_title, text) => {
    expect(parseImageSet(Buffer.from(text))).toBeUndefined();
    expect(parseChunkMark(Buffer.from(text))).toBeUndefined();
  });
});
