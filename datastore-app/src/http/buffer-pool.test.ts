import { expect, it } from 'vitest';
import { createBufferPool } from './buffer-pool.ts';

it('makes no more buffers than it may, and hands out again what was given back', () => {
  const pool = createBufferPool({ bufferBytes: 16, maxBuffers: 2 });
  const first = pool.take();
  const second = pool.take();
  expect(first).toHaveLength(16);
  expect(second).not.toBe(first);
  expect(pool.take()).toBeUndefined();
  if (first !== undefined) pool.giveBack(first);
  expect(pool.take()).toBe(first);
  expect(pool.take()).toBeUndefined();
});
