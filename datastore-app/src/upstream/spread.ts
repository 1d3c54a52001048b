// SPDX-License-Identifier: Apache-2.0
/**
 * A time within a quarter of another, so that the sites of a fleet that were started together do not go on asking an
 * upstream together.
 *
 * @param random from 0 to 1
 */
export const spread = (ms: number, random: number): number => Math.round(ms * (0.75 + random / 2));
