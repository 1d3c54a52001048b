// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type BlockWriter, ContentSink } from './content-sink.ts';
import type { StreamHasher } from './stream-hasher.ts';

const SLOT_BYTES = 1024;
const BLOCK_BYTES = 16;

/** A hasher and a file in memory, whose work is done when the test says so. */
function createFakes(stored = Buffer.alloc(0), { writeIntervalMs = 1000 } = {}) {
  const memory = new SharedArrayBuffer(3 * SLOT_BYTES);
  let hash = createHash('sha256');
  let file = Buffer.from(stored);
  const waiting: (() => void)[] = [];
  const later = () => new Promise<void>((resolve) => void waiting.push(resolve));
  const hasher: StreamHasher = {
    reset: async () => {
      hash = createHash('sha256');
    },
    updateFromFile: (_, lengthBytes) => void hash.update(file.subarray(0, lengthBytes)),
    updateFromMemory(offset, lengthBytes, onHashed) {
      hash.update(new Uint8Array(memory, offset, lengthBytes));
      waiting.push(onHashed);
    },
    digest: async () => hash.digest('hex'),
    close: () => {},
  };
  const positions: number[] = [];
  let failure: Error | undefined;
  let nowMs = 0;
  const writer: BlockWriter = {
    blockBytes: BLOCK_BYTES,
    async write(bytes, position) {
      const copy = Buffer.from(bytes);
      await later();
      if (failure !== undefined) throw failure;
      positions.push(position);
      const grown = Buffer.alloc(Math.max(file.length, position + copy.length));
      file.copy(grown);
      copy.copy(grown, position);
      file = grown;
    },
    async read(bytes, position) {
      bytes.set(file.subarray(position, position + bytes.length));
    },
    async truncate() {
      file = Buffer.alloc(0);
    },
  };
  return {
    sink: new ContentSink(hasher, writer, {
      memory,
      slotBytes: SLOT_BYTES,
      writeIntervalMs,
      nowMs: () => nowMs,
    }),
    passMs: (ms: number) => {
      nowMs += ms;
    },
    file: () => file,
    positions,
    failWith: (error: Error) => {
      failure = error;
    },
    /** Finishes all work that was asked for, and what follows from it. */
    async work() {
      do {
        for (const done of waiting.splice(0)) done();
        await new Promise((resolve) => setImmediate(resolve));
      } while (waiting.length > 0);
    },
  };
}

const content = createHash('shake256', { outputLength: 10_000 }).update('content').digest();
const sha256 = createHash('sha256').update(content).digest('hex');

/** Offers pieces in order, by copy, and lets work be done whenever the sink asks to pause. */
async function feed(fakes: ReturnType<typeof createFakes>, bytes: Buffer, pieceBytes: number): Promise<void> {
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
    if (!fakes.sink.take(bytes.subarray(offset, offset + pieceBytes))) await fakes.work();
  }
}

async function finish(fakes: ReturnType<typeof createFakes>): Promise<string> {
  const digest = fakes.sink.finish();
  digest.catch(() => {});
  await fakes.work();
  return await digest;
}

describe('ContentSink', () => {
  it.each([1, 7, 1000, 1024, 1025, 5000, 10_000])(
    'keeps order and bytes in pieces of %i',
    async (pieceBytes) => {
      const fakes = createFakes();
      await feed(fakes, content, pieceBytes);
      expect(await finish(fakes)).toBe(sha256);
      expect(fakes.file().equals(content)).toBe(true);
      expect(fakes.sink.position).toBe(content.length);
    },
  );

  it.each([1, 7, 1000, 1025, 5000])(
    'keeps them in pieces of %i that are written at once',
    async (pieceBytes) => {
      const fakes = createFakes(content.subarray(0, 40), { writeIntervalMs: 0 });
      await fakes.sink.resume('partial', 40);
      await feed(fakes, content.subarray(40), pieceBytes);
      expect(await finish(fakes)).toBe(sha256);
      expect(fakes.file().equals(content)).toBe(true);
      expect(fakes.positions.every((position) => position % BLOCK_BYTES === 0)).toBe(true);
    },
  );

  it('writes a slot that fills slowly as far as it is, in whole blocks, each once', async () => {
    const fakes = createFakes();
    fakes.sink.take(content.subarray(0, 100));
    await fakes.work();
    expect(fakes.file()).toHaveLength(0);
    fakes.passMs(1000);
    fakes.sink.take(content.subarray(100, 110));
    await fakes.work();
    expect(fakes.file().equals(content.subarray(0, 96))).toBe(true);
    fakes.sink.take(content.subarray(110, 200));
    fakes.passMs(1000);
    fakes.sink.take(content.subarray(200, 300));
    await feed(fakes, content.subarray(300), 500);
    expect(await finish(fakes)).toBe(sha256);
    expect(fakes.file().equals(content)).toBe(true);
    expect(fakes.positions.slice(0, 3)).toEqual([0, 96, 288]);
  });

  it('takes bytes in place', async () => {
    const fakes = createFakes();
    for (let offset = 0; offset < content.length; ) {
      const region = fakes.sink.region();
      if (region === undefined) {
        await fakes.work();
        continue;
      }
      const byteCount = Math.min(region.length, 300, content.length - offset);
      region.set(content.subarray(offset, offset + byteCount));
      fakes.sink.take(Buffer.from(region.buffer, region.byteOffset, byteCount));
      offset += byteCount;
    }
    expect(await finish(fakes)).toBe(sha256);
    expect(fakes.file().equals(content)).toBe(true);
  });

  it('asks for a pause when the ring is full and says when there is room', async () => {
    const fakes = createFakes();
    let roomCount = 0;
    fakes.sink.listen(
      () => {
        roomCount += 1;
      },
      () => {},
    );
    expect(fakes.sink.take(content.subarray(0, 2 * SLOT_BYTES))).toBe(true);
    expect(fakes.sink.take(content.subarray(2 * SLOT_BYTES, 3 * SLOT_BYTES))).toBe(false);
    expect(fakes.sink.region()).toBeUndefined();
    await fakes.work();
    expect(roomCount).toBe(1);
    expect(fakes.sink.region()).toHaveLength(SLOT_BYTES);
  });

  it.each([16, 17, 1023, 1024, 3333])(
    'goes on behind %i stored bytes, block by block',
    async (storedBytes) => {
      const fakes = createFakes(content.subarray(0, storedBytes));
      await fakes.sink.resume('partial', storedBytes);
      expect(fakes.sink.position).toBe(storedBytes);
      await feed(fakes, content.subarray(storedBytes), 700);
      expect(await finish(fakes)).toBe(sha256);
      expect(fakes.file().equals(content)).toBe(true);
      expect(fakes.positions.every((position) => position % BLOCK_BYTES === 0)).toBe(true);
    },
  );

  it('forgets everything on a restart, also what is under way', async () => {
    const fakes = createFakes();
    await feed(fakes, Buffer.alloc(2500, 1), 500);
    const restarted = fakes.sink.restart();
    await fakes.work();
    await restarted;
    expect(fakes.sink.position).toBe(0);
    await feed(fakes, content, 999);
    expect(await finish(fakes)).toBe(sha256);
    expect(fakes.file().equals(content)).toBe(true);
  });

  it('stores what has arrived when a download fails', async () => {
    const fakes = createFakes();
    await feed(fakes, content.subarray(0, 2600), 650);
    const settled = fakes.sink.settle();
    await fakes.work();
    await settled;
    expect(fakes.file().equals(content.subarray(0, 2600))).toBe(true);
  });

  it('says once that writing failed, and to whoever asks later', async () => {
    const fakes = createFakes();
    const failures: Error[] = [];
    fakes.sink.listen(
      () => {},
      (error) => failures.push(error),
    );
    const full = new Error('disk full');
    fakes.failWith(full);
    await feed(fakes, content.subarray(0, 3000), 3000);
    await fakes.work();
    expect(failures).toEqual([full]);
    await expect(finish(fakes)).rejects.toBe(full);
  });
});
