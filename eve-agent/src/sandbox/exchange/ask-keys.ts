// SPDX-License-Identifier: Apache-2.0
/** Where a calf asks for what only priv can do, and gets answers. */
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import { type KeyRight, readable, writable } from '../store/rights.ts';

/** @param prefix below which the keys stand */
export const askPath = (prefix: KeyPath, number: string): KeyPath => [...prefix, 'ask', number];
export const answerPath = (prefix: KeyPath, number: string): KeyPath => [...prefix, 'answer', number];

/** What one who asks may do with these keys. */
export const askRights = (prefix: KeyPath): readonly KeyRight[] => [
  writable(keyPathText(askPath(prefix, '*'))),
  readable(keyPathText(answerPath(prefix, '*'))),
];
