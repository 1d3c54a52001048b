// SPDX-License-Identifier: Apache-2.0
import { useLayoutEffect, useState } from 'preact/hooks';

/** A value that others can watch. */
export interface Store<T> {
  get(): T;
  set(value: T): void;
  /** @returns what ends the watching */
  subscribe(listener: () => void): () => void;
}

export function createStore<T>(initial: T): Store<T> {
  let current = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => current,
    set(value) {
      if (Object.is(value, current)) return;
      current = value;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * The value of a store; the component is drawn again when it changes: from its first drawing on, and not from the next
 * frame, before which a busy browser may have heard what is told but once.
 */
export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState({});
  useLayoutEffect(() => store.subscribe(() => redraw({})), [store]);
  return store.get();
}
