// SPDX-License-Identifier: Apache-2.0
import { createStore } from '../store.ts';

/** What a screen reader says next, politely. */
export const announcement = createStore('');

export function announce(text: string): void {
  // The same text twice is only said again when it differs: a zero-width space is not read out.
  announcement.set(announcement.get() === text ? `${text}\u200b` : text);
}
