// SPDX-License-Identifier: Apache-2.0
/** The last so many of what was added. */
export interface Ring<T> {
  add(item: T): void;
  /** Newest first. */
  list(): T[];
}

export function createRing<T>(capacity: number): Ring<T> {
  const items: T[] = [];
  let next = 0;
  return {
    add(item) {
      items[next] = item;
      next = (next + 1) % capacity;
    },
    list() {
      return [...items.slice(next), ...items.slice(0, next)].reverse();
    },
  };
}
