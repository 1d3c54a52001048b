// SPDX-License-Identifier: Apache-2.0
/**
 * How many characters must be added, removed, replaced, or swapped with their neighbour to make one text of another
 * (optimal string alignment).
 */
export function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      const swapped = isSwapped ? (before[j - 2] ?? 0) + 1 : replaced;
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[right.length] ?? 0;
}

/**
 * What was probably meant by a mistyped word: the one of the known ones that differs least, in at most a third of its
 * characters; undefined: none is near.
 */
export function closestTo(word: string, known: readonly string[]): string | undefined {
  const distances = known.map((each) => ({ each, distance: editDistance(word, each) }));
  const near = distances.filter(({ each, distance }) => distance <= Math.max(word.length, each.length) / 3);
  return near.sort((left, right) => left.distance - right.distance)[0]?.each;
}
