// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createTransferMemory } from './transfer-memory.ts';

const KIB = 1024;
const LARGE = 1024 ** 3;

const kindOf = ({ pair, chunkBytes }: { pair: unknown; chunkBytes: number }) =>
  pair === undefined ? chunkBytes / KIB : 'pooled';

it('gives a client half of the pool, then plain chunks, then small ones', () => {
  const memory = createTransferMemory();
  const kinds = Array.from({ length: 60 }, () => kindOf(memory.take('a', LARGE)));
  expect(kinds).toEqual([...Array(6).fill('pooled'), ...Array(32).fill(64), ...Array(22).fill(8)]);
  expect(kindOf(memory.take('b', LARGE))).toBe('pooled');
});

it('gives all clients together no more than is said', () => {
  const memory = createTransferMemory();
  const shares = Array.from({ length: 2000 }, (_, index) => memory.take(`client ${index % 100}`, LARGE));
  const counts = { pooled: 0, 64: 0, 8: 0 };
  for (const share of shares) counts[kindOf(share) as keyof typeof counts] += 1;
  expect(counts).toEqual({ pooled: 12, 64: 256, 8: 1732 });
  for (const share of shares) share.giveBack();
  expect(kindOf(memory.take('client 1', LARGE))).toBe('pooled');
});

it('spends no pooled memory on a small file', () => {
  expect(kindOf(createTransferMemory().take('a', 64 * KIB))).toBe(64);
});
