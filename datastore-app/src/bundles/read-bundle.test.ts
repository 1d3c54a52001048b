// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { paxMember, type TestMember, tar, tarHeader } from '@local-datastore/shared/tar/testing/tar';
import { describe, expect, it } from 'vitest';
import { type FileParser, ParserUnavailableError, UnreadableContentError } from '../parsing/file-parser.ts';
import { ownParser } from '../parsing/run-task.ts';
import { readBundle } from './read-bundle.ts';

const sha256Of = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');
const A = { name: 'a.img', content: 'a'.repeat(1500) };
const B = { name: 'linux/b.img', content: 'b' };
const SUMS = {
  name: 'SHA256SUMS',
  content: [A, B].map(({ name, content }) => `${sha256Of(content)}  ${name}\n`).join(''),
};

async function* inPieces(content: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
}

/** What was taken of a bundle, by name. */
async function read(content: Buffer, pieceBytes = 1000, parser: FileParser = ownParser) {
  const taken: Record<string, string> = {};
  await readBundle(inPieces(content, pieceBytes), parser, async ({ path, content: body }) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    taken[path] = bytes.toString();
    return sha256Of(bytes);
  });
  return taken;
}

const BOTH = { [A.name]: A.content, [B.name]: B.content };
const HUGE_LITTER = { name: '._a.img', content: 'x'.repeat(3_000_000) };

describe.each([1, 511, 512, 513, 100_000])('in pieces of %d bytes', (pieceBytes) => {
  it.each<[string, Buffer]>([
    ['as it is', tar(SUMS, A, B)],
    ['the list last', tar(A, B, SUMS)],
    ['with folders, and what is passed over', tar({ name: './', type: '5' }, HUGE_LITTER, A, B, SUMS)],
    ['a folder by its name alone', tar({ name: 'linux/' }, A, B, SUMS)],
    ['with attributes', tar(paxMember({ comment: 'c' }, 'g'), paxMember({ mtime: '1.5' }), A, B, SUMS)],
    ['one block of zeros at the end', tar(A, B, SUMS).subarray(0, -512)],
    ['none at the end', tar(A, B, SUMS).subarray(0, -1024)],
    [
      'an empty field for the size of what is empty',
      tar({ name: 'd', type: '5', sizeField: '' }, A, B, SUMS),
    ],
    ['many at the end', Buffer.concat([tar(A, B, SUMS), Buffer.alloc(20_000)])],
  ])('%s', async (_, content) => {
    // A byte at a time of megabytes would be a test of patience.
    const pieces = content.length > 100_000 ? Math.max(pieceBytes, 511) : pieceBytes;
    expect(await read(content, pieces)).toEqual(BOTH);
  });
});

describe('is refused', () => {
  const wrong = (...members: readonly TestMember[]) => tar(...members, A, B, SUMS);
  it.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /no tar/],
    ['no tar', Buffer.alloc(3000, 'x'), /no tar/],
    ['an end without a beginning', Buffer.alloc(1024), /no SHA256SUMS/],
    ['damage behind a member', Buffer.concat([tar(A).subarray(0, 2048), Buffer.alloc(600, 'x')]), /damaged/],
    ['cut off in a file', tar(A, B, SUMS).subarray(0, 1000), /not complete/],
    ['cut off in a header', tar(A, B, SUMS).subarray(0, 2048 + 100), /damaged|no SHA256SUMS/],
    ['a size that is none', wrong({ name: 'x', sizeField: '12x456789ab\0' }), /holds no size/],
    ['a size beyond all', tarHeader({ name: 'a', sizeField: Buffer.alloc(12, 0xff) }), /holds no size/],
    ['too large a header', wrong(paxMember({ icon: 'a'.repeat(1024 * 1024) })), /--no-xattrs/],
    [
      'too many attributes',
      wrong(paxMember(Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`A.${i}`, 'x'])))),
      /--no-xattrs/,
    ],
    ['a hard link', wrong({ name: 'l', type: '1', linkName: 'a.img' }), /--hard-dereference/],
    ['a symlink', wrong({ name: 'l', type: '2', linkName: 'a.img' }), /is a symlink/],
    ['a device', wrong({ name: 'd', type: '4' }), /is a block device/],
    ['what nobody knows', wrong({ name: 'v', type: 'V' }), /of a kind that is not known/],
    ["holes in GNU's way", wrong({ name: 's', type: 'S' }), /--sparse/],
    ['an absolute name', wrong({ name: '/a' }), /absolute/],
  ])('%s', async (_, content, message) => {
    await expect(read(content)).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    [
      new UnreadableContentError('it hung'),
      { code: 'BUNDLE_INVALID', message: expect.stringMatching(/hung/) },
    ],
    [new ParserUnavailableError('it ends again and again'), { name: 'ParserUnavailableError' }],
  ])('what cannot be parsed: %s', async (error, expected) => {
    const parser: FileParser = { parse: () => Promise.reject(error) };
    await expect(read(tar(A, B, SUMS), 1000, parser)).rejects.toMatchObject(expected);
  });
});

it('is read on without end by nobody: it has a bound of members', async () => {
  let at = 0;
  const parser: FileParser = {
    parse: async () => {
      at += 1;
      const member = { name: 'd/', offset: 512, sizeBytes: 0, type: '5', isFile: false, isSparse: false };
      return { member, end: 512, flaw: null } as never;
    },
  };
  async function* endless() {
    for (;;) yield Buffer.alloc(64 * 1024);
  }
  const told = readBundle(endless(), parser, () => Promise.reject(new Error('no file')));
  await expect(told).rejects.toThrow('more than 400000 entries');
  expect(at).toBe(400_000);
});
