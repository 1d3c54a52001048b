// SPDX-License-Identifier: Apache-2.0
/** Random choices that can be made again: the same seed, the same choices. */
export interface Random {
  /** For the report: `TEST_SEED=…` makes the same run again. */
  readonly seed: number;
  /** From 0 to below 1. */
  next(): number;
  /** A whole number from `least` to `greatest`. */
  integer(least: number, greatest: number): number;
  pick<T>(choices: readonly T[]): T;
  bytes(length: number): Buffer;
  /** A generator of its own, for something that runs beside. */
  fork(): Random;
}

/** Mulberry32: 32 bits of state, good enough to choose moments and bytes. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function createRandom(seed: number): Random {
  const next = mulberry32(seed);
  const integer = (least: number, greatest: number) => least + Math.floor(next() * (greatest - least + 1));
  return {
    seed,
    next,
    integer,
    pick<T>(choices: readonly T[]): T {
      if (choices.length === 0) throw new Error('nothing to pick from');
      return choices[integer(0, choices.length - 1)] as T;
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => integer(0, 255))),
    fork: () => createRandom(integer(0, 2 ** 32 - 1)),
  };
}

/** A new seed for every run, or that of `TEST_SEED`; printed, so that a failure can be had again. */
export function randomOfThisRun(name: string): Random {
  const wanted = Number(process.env.TEST_SEED ?? Number.NaN);
  const seed = Number.isSafeInteger(wanted) ? wanted : Math.floor(Math.random() * 2 ** 32);
  process.stderr.write(`${name}: TEST_SEED=${seed}\n`);
  return createRandom(seed);
}
