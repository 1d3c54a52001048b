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

describe.each([1, 100, 511, 512, 513, 100_000])('in pieces of %d bytes', (pieceBytes) => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['an end alone', END],
    ['files', Buffer.concat([withContent('0', 'a'.repeat(600)), withContent('\0', ''), END])],
    ['a pax header', Buffer.concat([withContent('x', '11 path=abc\n'), withContent('0', 'abc'), END])],
    [
      'a size that the pax header tells',
      Buffer.concat([
        withContent('x', '13 size=600\n'),
        entry('0', 0, 'g'.repeat(600)),
        withContent('0', 'a'),
        END,
      ]),
    ],
    [
      'a size in eleven bytes',
      Buffer.concat([entry('0', Buffer.from('800000000000000000000258', 'hex'), 'g'.repeat(600)), END]),
    ],
    ['what is no tar', Buffer.from('\0'.repeat(700))],
  ])('hands on %s as it is', async (_, tar) => {
    expect(await pass(tar, pieceBytes)).toEqual(tar);
  });

  it.each([
    ['a pax header of 64 KiB and a byte', entry('x', 64 * 1024 + 1), '--no-xattrs'],
    ['a pax header for all', entry('g', 8 * 1024 * 1024), '--no-xattrs'],
    ['a long name of GNU tar', entry('L', 1024 * 1024), '--no-xattrs'],
    ['a long link of GNU tar', entry('K', 1024 * 1024), '--no-xattrs'],
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
