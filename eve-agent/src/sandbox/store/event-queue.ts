// SPDX-License-Identifier: Apache-2.0
import { type KeyPath, keyPathText } from './key-path.ts';

/** What waits to be told to a calf: that a key changed for one of its watches, or an answer to it as it is. */
export type QueuedItem<Watch, Answer> =
  | { readonly kind: 'change'; readonly watch: Watch; readonly path: KeyPath }
  | { readonly kind: 'answer'; readonly answer: Answer };

/**
 * What a calf is to be told, in order. A key that changes again while it waits waits once: its value is read when it
 * is told, so that what waits is names and not values, each once for a watch.
 */
export interface EventQueue<Watch, Answer> {
  /** @returns false when as many wait as may: nothing was added */
  addChange(watch: Watch, path: KeyPath): boolean;
  addAnswer(answer: Answer): void;
  /** Takes away the changes that wait for a watch. */
  dropChanges(watch: Watch): void;
  take(): QueuedItem<Watch, Answer> | undefined;
}

export function createEventQueue<Watch extends { readonly id: number }, Answer>(
  maxChanges: number,
): EventQueue<Watch, Answer> {
  const items = new Map<string, QueuedItem<Watch, Answer>>();
  let changes = 0;
  let answers = 0;
  return {
    addChange(watch, path) {
      const name = `${watch.id} ${keyPathText(path)}`;
      if (items.has(name)) return true;
      if (changes >= maxChanges) return false;
      changes += 1;
      items.set(name, { kind: 'change', watch, path });
      return true;
    },
    addAnswer(answer) {
      answers += 1;
      items.set(`answer ${answers}`, { kind: 'answer', answer });
    },
    dropChanges(watch) {
      for (const [name, item] of items) {
        if (item.kind === 'change' && item.watch === watch && items.delete(name)) changes -= 1;
      }
    },
    take() {
      for (const [name, item] of items) {
        items.delete(name);
        if (item.kind === 'change') changes -= 1;
        return item;
      }
      return undefined;
    },
  };
}
