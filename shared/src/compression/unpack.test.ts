// SPDX-License-Identifier: Apache-2.0
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { CompressionErrorCode } from './compression-error.ts';
import { type Compression, compressionOf, isUnpacked } from './compression-of.ts';
import { unpack } from './unpack.ts';
import type { WindowBudget } from './window-budget.ts';
import { createZstdFrames } from './zstd-frames.ts';

const text = (bytes: number, seed: number) =>
  Buffer.from(Array.from({ length: bytes }, (_, i) => (i * i * 31 + (i >> 3) * seed) & 0xff));
const FIRST = text(5000, 7);
const SECOND = Buffer.alloc(400_000, 'twice ');
const RANDOM = text(300_000, 1013);

const withChecksum = (content: Buffer) =>
  zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
const withWindow = (content: Buffer) =>
  zstdCompressSync(content, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
/** RFC 8878 §3.1.2. */
function skippable(content: Buffer, nibble = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a50 + nibble, 0);
  header.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, content]);
}
/** Of one block that says a byte so often (§3.1.1.2.2). */
function runOf(byte: number, times: number): Buffer {
  const frame = Buffer.alloc(4 + 1 + 1 + 3 + 1);
  frame.writeUInt32LE(0xfd2fb528, 0);
  frame.writeUInt8(0x38, 5);
  frame.writeUIntLE((times << 3) | 0b011, 6, 3);
  frame.writeUInt8(byte, 9);
  return frame;
}

async function* inPieces(content: Buffer, pieceBytes: number) {
  for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
}
async function unpacked(content: Buffer, pieceBytes = content.length): Promise<Buffer> {
  const compression = compressionOf(content);
  if (!isUnpacked(compression)) throw new Error(`${compression} is not unpacked`);
  const pieces: Uint8Array[] = [];
  for await (const piece of unpack(inPieces(content, pieceBytes), compression)) {
    pieces.push(Uint8Array.from(piece));
  }
  return Buffer.concat(pieces);
}

const WHOLE: readonly (readonly [title: string, compressed: Buffer, content: Buffer])[] = [
  ['one frame', zstdCompressSync(FIRST), FIRST],
  ['a frame of nothing', zstdCompressSync(Buffer.alloc(0)), Buffer.alloc(0)],
  [
    'two frames',
    Buffer.concat([zstdCompressSync(FIRST), zstdCompressSync(SECOND)]),
    Buffer.concat([FIRST, SECOND]),
  ],
  [
    'frames with checksums, and without their size, of several blocks',
    Buffer.concat([withChecksum(RANDOM), withWindow(SECOND), withChecksum(FIRST), withWindow(RANDOM)]),
    Buffer.concat([RANDOM, SECOND, FIRST, RANDOM]),
  ],
  [
    'a run of one byte, and frames of nothing in between',
    Buffer.concat([
      runOf(0x61, 1000),
      zstdCompressSync(Buffer.alloc(0)),
      withChecksum(Buffer.alloc(0)),
      runOf(0x62, 3),
    ]),
    Buffer.concat([Buffer.alloc(1000, 'a'), Buffer.from('bbb')]),
  ],
  [
    'frames to be skipped at the beginning, between and at the end',
    Buffer.concat([
      skippable(Buffer.from([1, 0, 0, 0])),
      zstdCompressSync(FIRST),
      skippable(Buffer.alloc(0), 15),
      skippable(Buffer.alloc(100_000, 0x28), 14),
      zstdCompressSync(SECOND),
      skippable(text(3000, 3), 14),
    ]),
    Buffer.concat([FIRST, SECOND]),
  ],
  ['nothing but what is to be skipped', skippable(FIRST), Buffer.alloc(0)],
  [
    'a thousand small frames',
    Buffer.concat(Array.from({ length: 1000 }, (_, i) => zstdCompressSync(FIRST.subarray(i, i + 5)))),
    Buffer.concat(Array.from({ length: 1000 }, (_, i) => FIRST.subarray(i, i + 5))),
  ],
  ['one member of gzip', gzipSync(FIRST), FIRST],
  [
    'members of gzip, one of them empty',
    Buffer.concat([gzipSync(FIRST), gzipSync(Buffer.alloc(0)), gzipSync(RANDOM), gzipSync(SECOND)]),
    Buffer.concat([FIRST, RANDOM, SECOND]),
  ],
  ['gzip that is filled up with zeros', Buffer.concat([gzipSync(FIRST), Buffer.alloc(70_000)]), FIRST],
];

describe.each(WHOLE)('%s', (_title, compressed, content) => {
  it.each([compressed.length, 65_536, 4096, 7, 1].filter((size) => compressed.length / size < 20_000))(
    'comes whole, in pieces of %i bytes',
    async (pieceBytes) => {
      expect((await unpacked(compressed, pieceBytes)).equals(content)).toBe(true);
    },
  );
});

const zstd = Buffer.concat([withChecksum(FIRST), zstdCompressSync(RANDOM)]);
const gzip = Buffer.concat([gzipSync(FIRST), gzipSync(RANDOM)]);
const changed = (content: Buffer, at: number) => {
  const copy = Buffer.from(content);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x55, at);
  return copy;
};

it.each<[string, Buffer, CompressionErrorCode]>([
  ['a second frame that is cut', zstd.subarray(0, -1), 'CUT_OFF'],
  ['a second frame of which only the magic came', Buffer.concat([zstd, zstd.subarray(0, 4)]), 'CUT_OFF'],
  ['a first frame without its checksum', withChecksum(FIRST).subarray(0, -4), 'CUT_OFF'],
  ['half a magic', Buffer.concat([zstd, zstd.subarray(0, 2)]), 'CUT_OFF'],
  ['something to be skipped that is cut', Buffer.concat([zstd, skippable(FIRST).subarray(0, -1)]), 'CUT_OFF'],
  ['something else behind frames', Buffer.concat([zstd, Buffer.from('something')]), 'TRAILING'],
  ['zeros behind frames, which zstd -d refuses too', Buffer.concat([zstd, Buffer.alloc(512)]), 'TRAILING'],
  ['something else behind members', Buffer.concat([gzip, Buffer.from('something')]), 'TRAILING'],
  ['a wrong checksum', changed(withChecksum(FIRST), withChecksum(FIRST).length - 1), 'DAMAGED'],
  ['a block of a type that there is not', changed(runOf(0x61, 1), 6).fill(6, 6, 7), 'DAMAGED'],
  ['a second member that is cut', gzip.subarray(0, -1), 'CUT_OFF'],
  ['a second member of which only the magic came', Buffer.concat([gzip, gzip.subarray(0, 2)]), 'CUT_OFF'],
  ['a second member that is damaged', changed(gzip, gzip.length - 3), 'DAMAGED'],
])('%s is refused', async (_title, compressed, code) => {
  for (const pieceBytes of [compressed.length, 1000, 1]) {
    await expect(unpacked(compressed, pieceBytes)).rejects.toMatchObject({ code });
  }
});

it('passes on what the content fails with', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield zstd.subarray(0, 100);
    throw new Error('the sender went away');
  }
  const read = async () => {
    for await (const _piece of unpack(broken(), 'zstd'));
  };
  await expect(read()).rejects.toThrow('the sender went away');
});

it.each<Compression>(['gzip', 'zstd'])('lets go of content that nobody reads on: %s', async (compression) => {
  let isClosed = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield compression === 'gzip' ? gzipSync(SECOND) : zstdCompressSync(SECOND);
    } finally {
      isClosed = true;
    }
  }
  for await (const piece of unpack(endless(), compression)) {
    expect(piece.length).toBeGreaterThan(0);
    break;
  }
  expect(isClosed).toBe(true);
});

describe('the window that frames ask for', () => {
  const windowOf = (content: Buffer, pieceBytes = content.length) => {
    const frames = createZstdFrames();
    for (let at = 0; at < content.length; at += pieceBytes)
      frames.split(content.subarray(at, at + pieceBytes));
    return frames.windowBytes();
  };
  const frame = (header: string) => Buffer.from(`28b52ffd${header}010000`, 'hex');

  it.each<[string, Buffer, number]>([
    ['of the least window', frame('0000'), 1024],
    ['of 128 MiB', frame('0088'), 128 * 1024 ** 2],
    ['with a mantissa', frame('0057'), 1.875 * 1024 ** 2],
    ['of one segment and a byte for its size', frame('20ff'), 255],
    ['of one segment and two', frame('60ffff'), 65_535 + 256],
    ['of one segment, a dictionary and four', frame('a10100000010'), 16 * 1024 ** 2 * 16],
    ['of one segment and eight', frame('e00000000001000000'), 2 ** 32],
    ['of the largest of several', Buffer.concat([frame('0057'), frame('0000')]), 1.875 * 1024 ** 2],
  ])('%s', (_title, content, bytes) => {
    expect(windowOf(content)).toBe(bytes);
    expect(windowOf(content, 1)).toBe(bytes);
  });

  it('is waited for, and given back, whatever comes of it', async () => {
    const claimed: number[] = [];
    let held = 0;
    const budget: WindowBudget = {
      async claim(bytes) {
        claimed.push(bytes);
        held += 1;
        return () => {
          held -= 1;
        };
      },
    };
    const read = async (content: Buffer) => {
      for await (const _piece of unpack(inPieces(content, 1000), 'zstd', { budget }));
    };
    await read(Buffer.concat([zstdCompressSync(FIRST), zstdCompressSync(RANDOM), zstdCompressSync(FIRST)]));
    expect([claimed, held]).toEqual([[FIRST.length, RANDOM.length], 0]);
    await expect(read(zstd.subarray(0, -5))).rejects.toMatchObject({ code: 'CUT_OFF' });
    expect(held).toBe(0);
  });
});

it.each<[string, ReturnType<typeof compressionOf>]>([
  ['1f8b0800', 'gzip'],
  ['28b52ffd04', 'zstd'],
  ['502a4d1804000000', 'zstd'],
  ['5f2a4d18', 'zstd'],
  ['602a4d18', undefined],
  ['fd377a585a0000', 'xz'],
  ['425a6839', 'bzip2'],
  ['04224d18', 'lz4'],
  ['504b0304', 'zip'],
  ['1f', undefined],
  ['', undefined],
])('%s is %s', (head, compression) => {
  expect(compressionOf(Buffer.from(head, 'hex'))).toBe(compression);
});
