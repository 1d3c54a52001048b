// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../../../test/random.ts';
import { type Candidate, selectTruechimers } from './select-sources.ts';

/** Candidates a, b, c … from pairs of offset and root distance. */
const candidates = (...pairs: readonly (readonly [number, number])[]): Candidate[] =>
  pairs.map(([offsetMs, rootDistanceMs], index) => ({
    id: String.fromCharCode(97 + index),
    offsetMs,
    rootDistanceMs,
  }));
const chosen = (...pairs: readonly (readonly [number, number])[]) =>
  selectTruechimers(candidates(...pairs)).truechimers.join('');

describe('truechimers', () => {
  test.each<[string, readonly (readonly [number, number])[], string]>([
    ['of none are none', [], ''],
    ['of one is the one', [[700, 5]], 'a'],
    ['of one that is sure to the end is the one', [[700, 0]], 'a'],
    [
      'of two that agree are both',
      [
        [10, 5],
        [12, 5],
      ],
      'ab',
    ],
    [
      'of two that disagree are none',
      [
        [10, 5],
        [50, 5],
      ],
      '',
    ],
    [
      'of two whose intervals meet outside of their offsets are none',
      [
        [10, 5],
        [18, 5],
      ],
      '',
    ],
    [
      'of two that touch in a point are none',
      [
        [0, 5],
        [10, 5],
      ],
      '',
    ],
    [
      'of two that are the very same are both',
      [
        [3, 0],
        [3, 0],
      ],
      'ab',
    ],
    [
      'of three that agree are all',
      [
        [10, 5],
        [12, 5],
        [8, 5],
      ],
      'abc',
    ],
    [
      'of three without the one that is off',
      [
        [10, 5],
        [12, 5],
        [90, 5],
      ],
      'ab',
    ],
    [
      'of three without the one that is off, wherever it stands',
      [
        [-90, 5],
        [12, 5],
        [10, 5],
      ],
      'bc',
    ],
    [
      'of three that all disagree are none',
      [
        [0, 5],
        [50, 5],
        [100, 5],
      ],
      '',
    ],
    [
      'of three with one in the middle between two',
      [
        [0, 5],
        [50, 5],
        [52, 5],
      ],
      'bc',
    ],
    [
      'of four with two and two are none',
      [
        [0, 5],
        [1, 5],
        [50, 5],
        [51, 5],
      ],
      '',
    ],
    [
      'of four without the one that is off',
      [
        [0, 5],
        [1, 5],
        [2, 5],
        [51, 5],
      ],
      'abc',
    ],
    [
      'of five without two that are off alike',
      [
        [0, 5],
        [1, 5],
        [2, 5],
        [51, 5],
        [51, 5],
      ],
      'abc',
    ],
    [
      'of five without two that are off to both sides',
      [
        [0, 5],
        [1, 5],
        [2, 5],
        [51, 5],
        [-51, 5],
      ],
      'abc',
    ],
    [
      'of five with three that are off alike are those: a majority',
      [
        [0, 5],
        [1, 5],
        [51, 5],
        [52, 5],
        [51, 5],
      ],
      'cde',
    ],
    [
      'include one that is unsure, if its offset is right',
      [
        [0, 5],
        [1, 5],
        [2, 900],
      ],
      'abc',
    ],
    [
      'do not include one that is unsure, if its offset is wrong',
      [
        [0, 5],
        [1, 5],
        [400, 900],
      ],
      'ab',
    ],
    [
      'of a sure one and an unsure one, where they cover each other, are both',
      [
        [0, 5],
        [3, 900],
      ],
      'ab',
    ],
    [
      'of one that claims to be surest of all and two that agree',
      [
        [40, 0.001],
        [1, 5],
        [0, 5],
      ],
      'bc',
    ],
    [
      'in years',
      [
        [1.7e12, 5],
        [1.7e12 + 3, 5],
        [0, 5],
      ],
      'ab',
    ],
  ])('%s', (_, pairs, expected) => {
    expect(chosen(...pairs)).toBe(expected);
  });

  test('are told with the interval that they share', () => {
    expect(selectTruechimers(candidates([10, 5], [12, 5], [90, 5])).interval).toEqual({
      lowMs: 7,
      highMs: 15,
    });
    expect(selectTruechimers(candidates([10, 5], [90, 5])).interval).toBeNull();
  });
});

describe('whatever falsetickers say', () => {
  /** How far any order of the candidates changes what comes out. */
  const shuffled = (all: readonly Candidate[], random: ReturnType<typeof createRandom>) => {
    const left = [...all];
    return all.map(() => left.splice(random.integer(0, left.length - 1), 1)[0] as Candidate);
  };

  test('a majority of servers that are right is never led astray', () => {
    const random = createRandom(1102);
    let without = 0;
    for (let turn = 0; turn < 20_000; turn += 1) {
      const right = random.integer(2, 8);
      const wrong = random.integer(0, right - 1);
      const truthMs = random.integer(-1_000_000, 1_000_000) / 7;
      const all = [
        ...Array.from({ length: right }, (_, index): Candidate => {
          // The truth lies in the interval of whoever is right.
          const rootDistanceMs = 1 + random.next() * 100;
          const offsetMs = truthMs + (random.next() * 2 - 1) * rootDistanceMs;
          return { id: `right${index}`, offsetMs, rootDistanceMs };
        }),
        ...Array.from({ length: wrong }, (_, index): Candidate => {
          const rootDistanceMs = random.next() * 200;
          return { id: `wrong${index}`, offsetMs: truthMs + (random.next() - 0.5) * 2000, rootDistanceMs };
        }),
      ];
      const { truechimers, interval } = selectTruechimers(all);
      expect(new Set(selectTruechimers(shuffled(all, random)).truechimers)).toEqual(new Set(truechimers));
      if (interval === null) {
        without += 1;
        continue;
      }
      expect(interval.lowMs).toBeLessThanOrEqual(interval.highMs);
      // A majority shares the interval, and so a server that is right, whose own interval is at most 202 ms long.
      expect(Math.min(Math.abs(interval.lowMs - truthMs), Math.abs(interval.highMs - truthMs))).toBeLessThan(
        202,
      );
      for (const { offsetMs } of all.filter(({ id }) => truechimers.includes(id))) {
        expect(Math.abs(offsetMs - truthMs)).toBeLessThan(202);
      }
    }
    // Servers that are right may still differ by more than a majority can bear.
    expect(without).toBeLessThan(15_000);
  });

  test('servers that are right and near to each other win against any minority', () => {
    const random = createRandom(1121);
    for (let turn = 0; turn < 10_000; turn += 1) {
      const right = random.integer(2, 8);
      const all = Array.from({ length: right + random.integer(0, right - 1) }, (_, index): Candidate => {
        if (index < right) {
          return { id: `right${index}`, offsetMs: random.next() * 2 - 1, rootDistanceMs: 5 + random.next() };
        }
        const offsetMs = (random.next() < 0.5 ? -1 : 1) * (20 + random.next() * 1e12);
        return { id: `wrong${index}`, offsetMs, rootDistanceMs: random.next() * 10 };
      });
      const { truechimers } = selectTruechimers(all);
      expect(truechimers).toHaveLength(right);
      expect(truechimers.every((id) => id.startsWith('right'))).toBe(true);
    }
  });
});
