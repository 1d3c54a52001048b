// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createGatheredWrites } from './gathered-writes.ts';

const SLOT_BYTES = 10;

/** A stream whose writes end when they are told to, and a moment that comes when it is told to. */
function createScene(slots = 2) {
  const written: string[] = [];
  const ends: (() => void)[] = [];
  const moments: (() => void)[] = [];
  let spaces = 0;
  const stream = {
    write(piece: Buffer, done: () => void) {
      written.push(piece.toString());
      ends.push(done);
      return true;
    },
  };
  const writes = createGatheredWrites(stream as never, {
    ...{ slotBytes: SLOT_BYTES, slots, later: (callback: () => void) => moments.push(callback) },
    onSpace() {
      spaces += 1;
    },
  });
  return {
    ...{ ...writes, written },
    takeText: (text: string) => writes.take(Buffer.from(text)),
    /** As a socket does that reads into the region. */
    receive(text: string) {
      const region = writes.region() as Uint8Array;
      const length = Buffer.from(region.buffer, region.byteOffset, region.length).write(text);
      return writes.take(Buffer.from(region.buffer, region.byteOffset, length));
    },
    spaces: () => spaces,
    endWrites(count = ends.length) {
      for (const end of ends.splice(0, count)) end();
    },
    passMoment() {
      for (const moment of moments.splice(0)) moment();
    },
    moments: () => moments.length,
  };
}

describe.each(['takeText', 'receive'] as const)('by %s', (way) => {
  it('what comes in one moment is written together, at its end', () => {
    const scene = createScene();
    expect([scene[way]('ab'), scene[way]('c'), scene.moments(), scene.written]).toEqual([true, true, 1, []]);
    scene.passMoment();
    expect(scene.written).toEqual(['abc']);
    scene[way]('d');
    scene.passMoment();
    scene.passMoment();
    expect(scene.written).toEqual(['abc', 'd']);
  });

  it('what fills the memory is written at once, and the memory used again once it was written', () => {
    const scene = createScene();
    scene[way]('01234');
    expect(scene[way]('56789')).toBe(true);
    expect(scene.written).toEqual(['0123456789']);
    expect(scene[way]('abcdefghij')).toBe(false);
    expect([scene.region(), scene.spaces()]).toEqual([undefined, 0]);
    scene.endWrites(1);
    expect(scene.spaces()).toBe(1);
    scene[way]('k');
    scene.endWrites();
    scene.flush();
    expect(scene.written.join('')).toBe('0123456789abcdefghijk');
  });
});

it('memory of which a part is still being written is not used again', () => {
  const scene = createScene(1);
  scene.takeText('01234');
  scene.flush();
  expect(scene.takeText('56789')).toBe(false);
  expect(scene.written).toEqual(['01234', '56789']);
  // The second write ends in a stream after the first: as it is no promise of a stream, neither order may do harm.
  scene.endWrites(1);
  expect([scene.spaces(), scene.region()]).toEqual([0, undefined]);
  scene.endWrites();
  expect([scene.spaces(), scene.region()?.length]).toEqual([1, SLOT_BYTES]);
});

it('a sender that does not pause loses nothing, and is told of room when all of it is written', () => {
  const scene = createScene(1);
  const text = 'abcdefghijklmnopqrstuvwxyz';
  expect(scene.takeText(text)).toBe(false);
  expect(scene.takeText('0123')).toBe(false);
  expect(scene.written.join('')).toBe(`${text}0123`);
  scene.endWrites(2);
  expect(scene.spaces()).toBe(0);
  scene.endWrites();
  expect(scene.spaces()).toBe(1);
  scene.takeText('!');
  scene.flush();
  expect(scene.written.at(-1)).toBe('!');
});

it('what is larger than the memory goes on in the next, in order', () => {
  const scene = createScene(3);
  expect(scene.takeText('0123456789abcdefghij01234')).toBe(true);
  scene.flush();
  expect(scene.written).toEqual(['0123456789', 'abcdefghij', '01234']);
  scene.flush();
  expect(scene.written).toHaveLength(3);
});
