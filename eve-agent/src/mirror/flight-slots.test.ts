// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createFlightSlots } from './flight-slots.ts';

const LIMITS = { total: 3, perHost: 2, maxWaiting: 3 };
const settle = () => new Promise(setImmediate);

it('lets so many go at a time, so many of one host, and the others in their order', async () => {
  const slots = createFlightSlots(LIMITS);
  const started: string[] = [];
  const releases = new Map<string, () => void>();
  const take = (name: string) =>
    slots.take(name[0] ?? '').then((release) => {
      started.push(name);
      releases.set(name, release);
    });
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) void take(name);
  await settle();
  expect(started).toEqual(['a1', 'a2', 'b1']);
  releases.get('b1')?.();
  await settle();
  expect(started.slice(3)).toEqual(['b2']);
  releases.get('a1')?.();
  releases.get('a1')?.();
  await settle();
  expect(started.slice(4)).toEqual(['a3']);
  releases.get('b2')?.();
  await settle();
  expect(started.slice(5)).toEqual(['c1']);
});

it('refuses what would wait behind too many', async () => {
  const slots = createFlightSlots(LIMITS);
  for (let i = 0; i < 5; i += 1) void slots.take('a');
  await settle();
  await expect(slots.take('a')).rejects.toMatchObject({ code: 'BUSY' });
});
