// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { combineSources, type Truechimer } from './combine-sources.ts';

const server = (id: string, offsetMs: number, fields: Partial<Truechimer> = {}): Truechimer => ({
  ...{ id, offsetMs, jitterMs: 1, rootDistanceMs: 10, stratum: 2 },
  ...fields,
});

describe('the system peer', () => {
  test.each<[string, readonly Truechimer[], string | null, string]>([
    ['is the one there is', [server('a', 0)], null, 'a'],
    ['is that of the better stratum', [server('a', 0, { stratum: 3 }), server('b', 0)], null, 'b'],
    ['is that of the shorter distance', [server('a', 0), server('b', 0, { rootDistanceMs: 5 })], null, 'b'],
    [
      'stays while it is as good a stratum',
      [server('a', 0), server('b', 0, { rootDistanceMs: 5 })],
      'a',
      'a',
    ],
    ['changes for a better stratum', [server('a', 0, { stratum: 3 }), server('b', 0)], 'a', 'b'],
    ['changes when it is gone', [server('a', 0), server('b', 0)], 'c', 'a'],
  ])('%s', (_, servers, previous, expected) => {
    const combination = combineSources(servers, previous);
    expect(combination?.systemPeer).toBe(expected);
    expect(combination?.survivors[0]).toBe(expected);
  });
});

test('nobody says nothing', () => {
  expect(combineSources([], 'a')).toBeNull();
});

test('the offset is weighed by how sure each is', () => {
  const servers = [server('a', 10, { rootDistanceMs: 10 }), server('b', 40, { rootDistanceMs: 20 })];
  expect(combineSources(servers, null)?.offsetMs).toBeCloseTo(20, 9);
});

test('a server that says it is surest of all weighs no more than all the rest in finite numbers', () => {
  const servers = [server('a', 10, { rootDistanceMs: 0 }), server('b', 40)];
  expect(combineSources(servers, null)?.offsetMs).toBeCloseTo(10, 6);
});

describe('the cluster', () => {
  test('loses who is further off than the jitter of those who stay', () => {
    const servers = [server('a', 0), server('b', 0.5), server('c', -0.5), server('d', 30)];
    expect(combineSources(servers, null)?.survivors).toEqual(['a', 'b', 'c']);
  });
  test('keeps all whose difference is jitter', () => {
    const servers = [server('a', 0), server('b', 0.5), server('c', -0.5), server('d', 0.4)];
    expect(combineSources(servers, null)?.survivors).toEqual(['a', 'b', 'c', 'd']);
  });
  test('keeps three, however they differ', () => {
    const servers = [server('a', 0), server('b', 50), server('c', -50)];
    expect(combineSources(servers, null)?.survivors).toHaveLength(3);
  });
  test('loses the one of least merit of those that are equally far off', () => {
    const servers = [
      server('a', -20, { stratum: 1 }),
      server('b', 0),
      server('c', 0),
      server('d', 20, { stratum: 3 }),
    ];
    expect(combineSources(servers, null)?.survivors).toEqual(['a', 'b', 'c']);
  });
});

test('jitter is that of the peer and what the others are off it', () => {
  const servers = [server('a', 0, { jitterMs: 3 }), server('b', 4, { rootDistanceMs: 20 })];
  expect(combineSources(servers, null)?.jitterMs).toBeCloseTo(5, 9);
});
