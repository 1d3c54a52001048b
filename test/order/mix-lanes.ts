// SPDX-License-Identifier: Apache-2.0
/** A file of tests, and how long it takes. */
export interface Timed<File> {
  readonly file: File;
  readonly seconds: number;
}

/**
 * Puts lanes of files into one row, each lane longest first, so that all of them come to their ends together: what
 * mostly computes stands beside what mostly waits from the first to the last, and the row ends with short files.
 */
export function mixLanes<File>(lanes: readonly (readonly Timed<File>[])[]): File[] {
  const placed = lanes.flatMap((lane) => {
    const total = lane.reduce((sum, { seconds }) => sum + seconds, 0);
    let before = 0;
    return [...lane]
      .sort((left, right) => right.seconds - left.seconds)
      .map(({ file, seconds }) => {
        const place = before / total;
        before += seconds;
        return { file, seconds, place };
      });
  });
  placed.sort((left, right) => left.place - right.place || right.seconds - left.seconds);
  return placed.map(({ file }) => file);
}
