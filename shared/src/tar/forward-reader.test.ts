// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createForwardReader } from './forward-reader.ts';

const CONTENT = Buffer.from('abcdefghijklmnopqrstuvwxyz');
const readerOf = (pieceBytes: number, onClose = () => {}) =>
  createForwardReader(
    (async function* () {
      try {
        for (let at = 0; at < CONTENT.length; at += pieceBytes) yield CONTENT.subarray(at, at + pieceBytes);
      } finally {
        onClose();
      }
    })(),
    () => new RangeError('cut off'),
  );
async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
}

it.each([1, 3, 26, 100])('reads forward, in pieces of %d bytes', async (pieceBytes) => {
  const reader = readerOf(pieceBytes);
  expect(String(await reader.readAt(0, 2))).toBe('ab');
  expect(await textOf(reader.content(4, 5))).toBe('efghi');
  expect(String(await reader.readAt(20, 100))).toBe('uvwxyz');
  expect((await reader.readAt(26, 1)).length).toBe(0);
});

it.each([1, 3, 26, 100])('looks ahead, in pieces of %d bytes', async (pieceBytes) => {
  const reader = readerOf(pieceBytes);
  await reader.readAt(0, 2);
  const ahead = await Promise.all([reader.peekAt(10, 2), reader.peekAt(4, 3), reader.peekAt(24, 9)]);
  expect(ahead.map(String)).toEqual(['kl', 'efg', 'yz']);
  expect(await textOf(reader.content(4, 8))).toBe('efghijkl');
  await expect(reader.peekAt(11, 1)).rejects.toThrow('has been passed');
  expect(String(await reader.readAt(12, 3))).toBe('mno');
});

it('loses nothing where somebody still looks ahead while it is read on', async () => {
  const reader = readerOf(3);
  const ahead = reader.peekAt(0, 20);
  expect(await textOf(reader.content(0, 26))).toBe(String(CONTENT));
  await expect(ahead).rejects.toThrow('has been passed');
});

it('does not go back', async () => {
  const reader = readerOf(5);
  await reader.readAt(3, 1);
  await expect(reader.readAt(3, 1)).rejects.toThrow('has been passed');
});

it('tells content that ends too early', async () => {
  await expect(textOf(readerOf(5).content(20, 7))).rejects.toThrow(new RangeError('cut off'));
});

it('tells how much is left, up to a limit', async () => {
  const reader = readerOf(4);
  await reader.readAt(0, 6);
  expect(await reader.drain(100)).toBe(20);
  expect(await readerOf(4).drain(10)).toBeUndefined();
});

it('closes what it reads', async () => {
  let isClosed = false;
  const reader = readerOf(4, () => {
    isClosed = true;
  });
  await reader.readAt(0, 1);
  await reader.close();
  expect(isClosed).toBe(true);
});
