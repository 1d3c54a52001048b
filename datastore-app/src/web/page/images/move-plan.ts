// SPDX-License-Identifier: Apache-2.0
import { pathIn } from '../uploads/upload-plan.ts';
import { splitPath } from './image-list.ts';

export interface Move {
  readonly path: string;
  readonly to: string;
}

/** Where images go that are moved into a folder; those that are there already are none of it. */
export const planMoves = (paths: readonly string[], folder: string): Move[] =>
  paths
    .map((path) => ({ path, to: pathIn(folder, splitPath(path).name) }))
    .filter(({ path, to }) => path !== to);

/** A name that two of them would get; undefined: there is none. */
export function collisionOf(moves: readonly Move[]): string | undefined {
  const taken = new Set<string>();
  for (const { to } of moves) {
    if (taken.has(to)) return to;
    taken.add(to);
  }
  return undefined;
}
