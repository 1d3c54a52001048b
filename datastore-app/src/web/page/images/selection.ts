// SPDX-License-Identifier: Apache-2.0
import type { Image } from '../api/answers.ts';

/** Whether an image can be moved and deleted here: a disk of the registry is managed there, what can come is not here. */
export const isSelectable = ({ artifact, state }: Image): boolean =>
  artifact === undefined && state !== 'upstream';

/** Some paths more or fewer. */
export function withPaths(
  selected: ReadonlySet<string>,
  paths: readonly string[],
  isSelected: boolean,
): ReadonlySet<string> {
  const next = new Set(selected);
  for (const path of paths) {
    if (isSelected) next.add(path);
    else next.delete(path);
  }
  return next;
}

/**
 * From one path to another, both with it, whichever comes first.
 *
 * @param order as the paths are shown
 * @param from undefined, or not shown any more: only `to`
 */
export function pathsBetween(order: readonly string[], from: string | undefined, to: string): string[] {
  const start = from === undefined ? -1 : order.indexOf(from);
  const end = order.indexOf(to);
  if (start === -1 || end === -1) return [to];
  return order.slice(Math.min(start, end), Math.max(start, end) + 1);
}

/** How much of some paths is selected. */
export function shareOf(selected: ReadonlySet<string>, paths: readonly string[]): 'none' | 'some' | 'all' {
  const count = paths.filter((path) => selected.has(path)).length;
  if (count === 0) return 'none';
  return count === paths.length ? 'all' : 'some';
}
