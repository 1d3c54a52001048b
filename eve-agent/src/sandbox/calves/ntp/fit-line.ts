// SPDX-License-Identifier: Apache-2.0
/** A straight line through measurements, by least squares. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Line {
  /** Of y by x. */
  readonly slope: number;
  /** How far off the slope may well be: its standard error. */
  readonly slopeError: number;
  /** The standard deviation of the points from the line. */
  readonly deviation: number;
  at(x: number): number;
}

/** Degrees of freedom that a line takes. */
const LINE_FREEDOM = 2;

/** @returns null for fewer than three points, or for points that all have one x */
export function fitLine(points: readonly Point[]): Line | null {
  const count = points.length;
  if (count <= LINE_FREEDOM) return null;
  const mean = (value: (point: Point) => number) =>
    points.reduce((sum, point) => sum + value(point), 0) / count;
  const meanX = mean(({ x }) => x);
  const meanY = mean(({ y }) => y);
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  if (spread === 0) return null;
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const at = (x: number) => meanY + slope * (x - meanX);
  const squares = points.reduce((sum, { x, y }) => sum + (y - at(x)) ** 2, 0);
  const deviation = Math.sqrt(squares / (count - LINE_FREEDOM));
  return { slope, slopeError: deviation / Math.sqrt(spread), deviation, at };
}

/**
 * Whether points keep to one side of their line for longer than chance would have it: they lie on no line. By the
 * number of runs (Wald and Wolfowitz), two standard deviations below what is expected.
 */
export function isBent(points: readonly Point[], line: Line): boolean {
  const signs = points.map(({ x, y }) => y >= line.at(x));
  const runs = 1 + signs.filter((sign, index) => index > 0 && sign !== signs[index - 1]).length;
  const above = signs.filter(Boolean).length;
  const below = signs.length - above;
  if (above === 0 || below === 0) return false;
  const pairs = 2 * above * below;
  const expected = pairs / signs.length + 1;
  const variance = (pairs * (pairs - signs.length)) / (signs.length ** 2 * (signs.length - 1));
  return runs < expected - 2 * Math.sqrt(Math.max(0, variance));
}
