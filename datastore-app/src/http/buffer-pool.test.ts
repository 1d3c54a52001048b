// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createBufferPool } from './buffer-pool.ts';

it('makes no more buffers than it may, and hands out again what was given back', () => {
  const pool = createBufferPool({ bufferBytes: 16, maxBuffers: 2 });
  const first = pool.take('a');
  const second = pool.take('b');
  expect(first).toHaveLength(16);
  expect(second).not.toBe(first);
  expect(pool.take('c')).toBeUndefined();
  if (first !== undefined) pool.giveBack('a', first);
  expect(pool.take('c')).toBe(first);
  expect(pool.take('a')).toBeUndefined();
});

it('gives a client half of them at most, until it gives back', () => {
  const pool = createBufferPool({ bufferBytes: 16, maxBuffers: 6 });
  const pair = pool.takePair('a');
  expect(pair).toHaveLength(2);
  expect(pool.takePair('a')).toBeUndefined();
  expect(pool.take('a')).toHaveLength(16);
  expect(pool.take('a')).toBeUndefined();
  expect(pool.takePair('b')).toHaveLength(2);
  // One is left, and two are asked for.
  expect(pool.takePair('c')).toBeUndefined();
  for (const buffer of pair ?? []) pool.giveBack('a', buffer);
  expect(pool.takePair('a')).toHaveLength(2);
});
