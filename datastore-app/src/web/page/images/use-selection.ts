// SPDX-License-Identifier: Apache-2.0
import { useRef, useState } from 'preact/hooks';
import type { Image } from '../api/answers.ts';
import { isSelectable, pathsBetween, withPaths } from './selection.ts';

/** The images that a person has chosen, to do something with all of them. */
export interface Selection {
  readonly paths: ReadonlySet<string>;
  /** Those that are listed, in their order: nothing happens to what is out of sight. */
  readonly images: readonly Image[];
  /** All that could be chosen. */
  readonly selectable: readonly Image[];
  /** @param isRange with all from the one that was pressed before */
  toggle(path: string, isRange: boolean): void;
  set(paths: readonly string[], isSelected: boolean): void;
  clear(): void;
}

/** @param listed in the order in which they are shown */
export function useSelection(listed: readonly Image[]): Selection {
  const [paths, setPaths] = useState<ReadonlySet<string>>(new Set());
  const last = useRef<string | undefined>(undefined);
  const selectable = listed.filter(isSelectable);
  return {
    paths,
    selectable,
    images: selectable.filter(({ path }) => paths.has(path)),
    toggle(path, isRange) {
      const order = selectable.map((image) => image.path);
      const between = pathsBetween(order, isRange ? last.current : undefined, path);
      last.current = path;
      setPaths(withPaths(paths, between, !paths.has(path)));
    },
    set: (changed, isSelected) => setPaths(withPaths(paths, changed, isSelected)),
    clear: () => setPaths(new Set()),
  };
}
