// SPDX-License-Identifier: Apache-2.0
import { createTarDecoder } from 'modern-tar';
import { describe, expect, it } from 'vitest';
import { guardTar } from './tar-guard.ts';

const BLOCK = 512;

/** One entry: a header with what the guard looks at, and its content, up to a whole block. */
function entry(type: string, sizeBytes: number | Buffer, content: Buffer | string = ''): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write('name');
  if (typeof sizeBytes === 'number') header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  else sizeBytes.copy(header, 124);
  header.write(type, 156);
  header.write('ustar\u000000', 257);
  header.fill(' ', 148, 156);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / BLOCK) * BLOCK);
  Buffer.from(content).copy(body);
  return Buffer.concat([header, body]);
}
const withContent = (type: string, content: string) => entry(type, Buffer.byteLength(content), content);
const END = Buffer.alloc(2 * BLOCK);

async function pass(tar: Buffer, pieceBytes: number): Promise<Buffer> {
  async function* pieces() {
    for (let at = 0; at < tar.length; at += pieceBytes) yield tar.subarray(at, at + pieceBytes);
  }
  const passed: Uint8Array[] = [];
  for await (const piece of guardTar(pieces())) passed.push(piece);
  return Buffer.concat(passed);
}

/** The sizes of the entries, as the decoder that stands behind the guard reads them. */
async function decodedSizes(tar: Buffer): Promise<number[]> {
  const sizes: number[] = [];
  for await (const { header, body } of ReadableStream.from([tar]).pipeThrough(
    createTarDecoder({ strict: true }),
  )) {
    sizes.push(header.size);
    for await (const _ of body);
  }
  return sizes;
}

/** Taken for a header, it would hold no size. */
const CONTENT = 'z'.repeat(600);
const SIZE_600 = '12 size=600\n';
const attribute = (key: string, value: string) => {
  const record = ` ${key}=${value}\n`;
  const length = [2, 3, 4, 5, 6, 7].find((digits) => String(record.length + digits).length === digits) ?? 0;
  return `${record.length + length}${record}`;
};

/** Each: the tar, and the sizes of its entries. */
const IN_STEP: [string, Buffer[], number[]][] = [
  ['nothing behind a folder that tells a size', [entry('5', 600), withContent('0', CONTENT)], [0, 600]],
  ['nothing behind a link that tells a size', [entry('2', 600), withContent('0', CONTENT)], [0, 600]],
  [
    'a size that a pax header tells',
    [withContent('x', SIZE_600), entry('0', 0, CONTENT), withContent('0', 'a')],
    [600, 1],
  ],
  [
    'a size that a pax header tells for all',
    [withContent('g', SIZE_600), entry('0', 0, CONTENT), entry('0', 1, CONTENT)],
    [600, 600],
  ],
  [
    'one for all, and one for the next',
    [withContent('g', '10 size=1\n'), withContent('x', SIZE_600), entry('0', 0, CONTENT), entry('0', 0, 'a')],
    [600, 1],
  ],
  [
    'a size that another header comes behind',
    [withContent('x', SIZE_600), withContent('L', 'long name\0'), entry('0', 0), withContent('0', 'a')],
    [0, 1],
  ],
  [
    'a line break in a value',
    [
      withContent('x', attribute('comment', `a\n${SIZE_600}`)),
      withContent('0', 'a'),
      withContent('0', CONTENT),
    ],
    [1, 600],
  ],
  [
    'attributes of 900 KiB',
    [withContent('x', attribute('LIBARCHIVE.xattr.icon', 'a'.repeat(900 * 1024))), withContent('0', CONTENT)],
    [600],
  ],
  ['one block of zeros at the end', [withContent('0', CONTENT), Buffer.alloc(BLOCK)], [600]],
];

describe.each([1, 100, 511, 512, 513, 100_000])('in pieces of %d bytes', (pieceBytes) => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['an end alone', END],
    ['files', Buffer.concat([withContent('0', 'a'.repeat(600)), withContent('\0', ''), END])],
    ['a pax header', Buffer.concat([withContent('x', '11 path=abc\n'), withContent('0', 'abc'), END])],
    [
      'a size in eleven bytes',
      Buffer.concat([entry('0', Buffer.from('800000000000000000000258', 'hex'), 'g'.repeat(600)), END]),
    ],
    ['what is no tar', Buffer.from('\0'.repeat(700))],
  ])('hands on %s as it is', async (_, tar) => {
    expect(await pass(tar, pieceBytes)).toEqual(tar);
  });

  it.each(IN_STEP)('keeps step with the decoder at %s', async (_, parts, sizes) => {
    const tar = Buffer.concat([...parts, END]);
    expect(await decodedSizes(tar)).toEqual(sizes);
    expect(await pass(tar, pieceBytes)).toEqual(tar);
  });

  it.each([
    ['a pax header of a MiB and a byte', entry('x', 1024 * 1024 + 1), '--no-xattrs'],
    ['a pax header of too many attributes', withContent('x', '6 a=b\n'.repeat(513)), 'attributes'],
    ['a pax header whose attribute has no length', withContent('x', `${'0'.repeat(20)} a=b\n`), 'no length'],
    ['a pax header for all', entry('g', 8 * 1024 * 1024), '--no-xattrs'],
    ['a long name of GNU tar', entry('L', 2 * 1024 * 1024), '--no-xattrs'],
    ['a long link of GNU tar', entry('K', 2 * 1024 * 1024), '--no-xattrs'],
    ['a size that is none', entry('0', Buffer.from('12x456789ab\0')), 'no size'],
    ['a size beyond all', entry('0', Buffer.from('ffffffffffffffffffffffff', 'hex')), 'no size'],
  ])('ends %s', async (_, tar, message) => {
    await expect(pass(Buffer.concat([tar, END]), pieceBytes)).rejects.toThrow(message);
  });
});

it('ends a tar of too many entries', async () => {
  const many = Buffer.alloc(400_001 * BLOCK);
  const header = entry('5', 0);
  for (let at = 0; at < many.length; at += BLOCK) header.copy(many, at);
  await expect(pass(many, 1024 * 1024)).rejects.toThrow('more than 400000 entries');
});
