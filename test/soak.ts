// SPDX-License-Identifier: Apache-2.0
/** How often something is done: in every run of the tests, and in a soak (`npm run soak`). */
export interface Repetitions {
  readonly short: number;
  readonly long: number;
}

/** A soak is wanted with `TEST_SOAK=true`. */
export const repetitions = ({ short, long }: Repetitions): number =>
  process.env.TEST_SOAK === 'true' ? long : short;
