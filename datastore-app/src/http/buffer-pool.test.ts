import { expect, it } from 'vitest';
import { createBufferPool } from './buffer-pool.ts';

it('makes no more buffers than it may, and hands out again what was given back', () => {
  const pool = createBufferPool({ bufferBytes: 16, maxBuffers: 2 });
  const first = pool.take('a', 1);
  const second = pool.take('b', 1);
  expect(first?.[0]).toHaveLength(16);
  expect(second?.[0]).not.toBe(first?.[0]);
  expect(pool.take('c', 1)).toBeUndefined();
  pool.giveBack('a', first ?? []);
  expect(pool.take('c', 1)?.[0]).toBe(first?.[0]);
  expect(pool.take('a', 1)).toBeUndefined();
});

it('gives a client half of them at most, until it gives back', () => {
  const pool = createBufferPool({ bufferBytes: 16, maxBuffers: 6 });
  const pair = pool.take('a', 2);
  expect(pair).toHaveLength(2);
  expect(pool.take('a', 2)).toBeUndefined();
  expect(pool.take('a', 1)).toHaveLength(1);
  expect(pool.take('a', 1)).toBeUndefined();
  expect(pool.take('b', 2)).toHaveLength(2);
  // One is left, and two are asked for.
  expect(pool.take('c', 2)).toBeUndefined();
  pool.giveBack('a', pair ?? []);
  expect(pool.take('a', 2)).toHaveLength(2);
});
