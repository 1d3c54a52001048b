// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createPieceReads } from './piece-reads.ts';

const PIECE = 768 * 1024;

/** Reads pieces from a disk that takes so long for each of them. */
async function readFrom(durationsMs: readonly number[], answer: () => number = () => PIECE) {
  let nowMs = 0;
  const ways: string[] = [];
  const results: unknown[] = [];
  let next = 0;
  const readPiece = createPieceReads({
    nowMs: () => nowMs,
    readNow(_fd, _piece, _offset, length) {
      ways.push(length === PIECE ? 'now' : `now ${length / 1024} KiB`);
      nowMs += durationsMs[next] ?? 0;
      return Math.min(answer(), length);
    },
    readInPool(_fd, _piece, _offset, length, _position, callback) {
      ways.push('pool');
      setImmediate(callback, null, length);
    },
  });
  const piece = Buffer.alloc(0);
  for (; next < durationsMs.length; next += 1) {
    await new Promise<void>((resolve) => {
      let hasReturned = false;
      readPiece(3, piece, 0, PIECE, 0, (error, bytesRead) => {
        expect(hasReturned).toBe(true);
        results.push(error ?? bytesRead);
        resolve();
      });
      hasReturned = true;
    });
  }
  return { ways, results };
}

const fast = (count: number): number[] => Array(count).fill(0.2);
const counted = (ways: readonly string[]) => {
  const runs: [string, number][] = [];
  for (const way of ways) {
    const last = runs.at(-1);
    if (last?.[0] === way) last[1] += 1;
    else runs.push([way, 1]);
  }
  return runs;
};

it('reads at once what comes from memory, after a small piece that proves it', async () => {
  const { ways, results } = await readFrom(fast(5));
  expect(ways).toEqual(['now 64 KiB', 'now', 'now', 'now', 'now']);
  expect(results).toEqual([64 * 1024, PIECE, PIECE, PIECE, PIECE]);
});

it('leaves a disk that has to be waited for to the pool, longer each time', async () => {
  const { ways } = await readFrom(Array(16 + 32 + 64 + 4).fill(8));
  expect(counted(ways)).toEqual([
    ['now 64 KiB', 1],
    ['pool', 16],
    ['now 64 KiB', 1],
    ['pool', 32],
    ['now 64 KiB', 1],
    ['pool', 64],
    ['now 64 KiB', 1],
  ]);
});

it('never waits longer than for a thousand pieces before it tries again', async () => {
  const { ways } = await readFrom(Array(8000).fill(8));
  const runs = counted(ways).flatMap(([way, count]) => (way === 'pool' ? [count] : []));
  expect(runs.slice(0, 9)).toEqual([16, 32, 64, 128, 256, 512, 1024, 1024, 1024]);
});

it('forgets a moment of waiting after as many pieces from memory', async () => {
  const slow = 8;
  const inPool = (count: number) => fast(count);
  const { ways } = await readFrom([slow, ...inPool(16), ...fast(17), slow, ...inPool(16), ...fast(2)]);
  expect(counted(ways)).toEqual([
    ['now 64 KiB', 1],
    ['pool', 16],
    ['now 64 KiB', 1],
    ['now', 17],
    ['pool', 16],
    ['now 64 KiB', 1],
    ['now', 1],
  ]);
});

it('hands on what the system says', async () => {
  const refused = Object.assign(new Error('i/o error'), { code: 'EIO' });
  const { results } = await readFrom(fast(1), () => {
    throw refused;
  });
  expect(results).toEqual([refused]);
  expect((await readFrom(fast(1), () => 0)).results).toEqual([0]);
});
