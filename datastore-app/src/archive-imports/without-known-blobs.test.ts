// SPDX-License-Identifier: Apache-2.0
import { paxMember, type TestMember, tar } from '@local-datastore/shared/tar/testing/tar';
import { describe, expect, it } from 'vitest';
import {
  blob,
  descriptor,
  digestOf,
  indexFile,
  json,
  LAYOUT,
} from '../formats/testing/container-archives.ts';
import { inPieces } from './testing/import-scene.ts';
import { withoutKnownBlobs } from './without-known-blobs.ts';

const LARGE = Buffer.alloc(100_001, 'l');
const OTHER = Buffer.alloc(200_000, 'o');
const SMALL = Buffer.alloc(1000, 's');
/** As large as a layer, and a document. */
const DOCUMENT = json({ text: 'd'.repeat(100_000) });

/** What comes through, and which blobs were asked for. */
async function filtered(content: Buffer, known: readonly Buffer[], pieceBytes = 777) {
  const asked: string[] = [];
  const digests = new Map(known.map((each) => [digestOf(each), each.length]));
  const parts: Uint8Array[] = [];
  for await (const part of withoutKnownBlobs(inPieces(content, pieceBytes), async ({ digest, sizeBytes }) => {
    const key = `${digest.algorithm}:${digest.hex}`;
    asked.push(key);
    return digests.get(key) === sizeBytes;
  })) {
    parts.push(Uint8Array.from(part));
  }
  return { content: Buffer.concat(parts), asked };
}
const index = indexFile(descriptor(SMALL, 'x'));

describe('withoutKnownBlobs', () => {
  it.each<[string, readonly TestMember[], readonly TestMember[]]>([
    ['leaves out a layer that is known', [blob(LARGE), blob(OTHER)], [blob(OTHER)]],
    [
      'with the headers that describe it',
      [paxMember({ mtime: '1.5' }), blob(LARGE), blob(OTHER)],
      [blob(OTHER)],
    ],
    [
      'by its name in those headers',
      [paxMember({ path: blob(LARGE).name }), { ...blob(LARGE), name: 'short' }, blob(OTHER)],
      [blob(OTHER)],
    ],
    [
      'and no headers of another',
      [blob(LARGE), paxMember({ mtime: '1.5' }), blob(OTHER)],
      [paxMember({ mtime: '1.5' }), blob(OTHER)],
    ],
    ['but nothing that is small', [blob(SMALL)], [blob(SMALL)]],
    ['but no document', [blob(DOCUMENT)], [blob(DOCUMENT)]],
    [
      'but nothing of another name',
      [{ name: 'a/layer.tar', content: LARGE }],
      [{ name: 'a/layer.tar', content: LARGE }],
    ],
    [
      'but no link of its name',
      [{ name: blob(LARGE).name, type: '1', linkName: 'a' }],
      [{ name: blob(LARGE).name, type: '1', linkName: 'a' }],
    ],
  ])('%s', async (_title, given, left) => {
    const known = [LARGE, SMALL, DOCUMENT];
    for (const pieceBytes of [1, 512, 777, 65_536].slice(
      given.some(({ content = '' }) => content.length > 1e5) ? 1 : 0,
    )) {
      const found = await filtered(tar(LAYOUT, ...given, index), known, pieceBytes);
      expect(found.content.equals(tar(LAYOUT, ...left, index))).toBe(true);
    }
  });

  it('asks for what it may leave out, and for nothing else', async () => {
    const found = await filtered(tar(LAYOUT, blob(LARGE), blob(SMALL), blob(DOCUMENT), blob(OTHER)), []);
    expect(found.asked).toEqual([LARGE, OTHER].map(digestOf));
  });

  it.each<[string, Buffer]>([
    ['no tar', Buffer.alloc(5000, 'x')],
    ['nothing', Buffer.alloc(0)],
    ['what stands behind the end', Buffer.concat([tar(LAYOUT), Buffer.alloc(10_240)])],
    ['a header that is cut off', tar(LAYOUT, blob(OTHER)).subarray(0, 1200)],
  ])('hands on %s as it is: who imports it says what is wrong', async (_title, content) => {
    expect((await filtered(content, [OTHER])).content.equals(content)).toBe(true);
  });

  it('says so where it ends within a layer', async () => {
    const content = tar(LAYOUT, blob(OTHER)).subarray(0, 100_000);
    await expect(filtered(content, [])).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
  });

  it('holds back no more than headers need', async () => {
    const long = { name: 'PaxHeaders/x', type: 'x', content: Buffer.alloc(1_000_000, 'x') };
    await expect(filtered(tar(LAYOUT, long, blob(OTHER)), [])).rejects.toThrow('longer than any');
  });

  it('closes what it reads from, also when nobody reads on', async () => {
    let isClosed = false;
    const content = (async function* () {
      try {
        yield* inPieces(tar(LAYOUT, blob(OTHER)));
      } finally {
        isClosed = true;
      }
    })();
    for await (const _piece of withoutKnownBlobs(content, async () => false)) break;
    expect(isClosed).toBe(true);
  });
});
