// SPDX-License-Identifier: Apache-2.0
import { coversPattern, type KeyPath, type KeyPattern, parseKeyPattern } from './key-path.ts';

export type StoreOperation = 'read' | 'write' | 'delete' | 'watch';

/** One row of a manifest. */
export interface KeyRight {
  /** A path, `*` for one component, `**` at the end for any rest. */
  readonly pattern: string;
  /** Also to watch. */
  readonly mayRead: boolean;
  /** Also to delete. */
  readonly mayWrite: boolean;
}

/** A key that a calf may read and watch. */
export const readable = (pattern: string): KeyRight => ({ pattern, mayRead: true, mayWrite: false });
/** A key that a calf may write and delete, and not read. */
export const writable = (pattern: string): KeyRight => ({ pattern, mayRead: false, mayWrite: true });

const isRead = (operation: StoreOperation) => operation === 'read' || operation === 'watch';

/**
 * Whether a manifest's rows let an operation be. What no row gives is denied; what one row gives no other takes. A
 * watch, whose path may be a pattern, needs one row that covers all that it could see.
 *
 * @throws StoreError MALFORMED for rows with no pattern: see {@link checkRights}
 */
export function judgeAccess(
  rights: readonly KeyRight[],
  operation: StoreOperation,
  path: KeyPath | KeyPattern,
): boolean {
  return rights.some(
    ({ pattern, mayRead, mayWrite }) =>
      (isRead(operation) ? mayRead : mayWrite) && coversPattern(parseKeyPattern(pattern), path),
  );
}

/** @throws StoreError MALFORMED for the first row whose pattern is none */
export function checkRights(rights: readonly KeyRight[]): void {
  for (const { pattern } of rights) parseKeyPattern(pattern);
}
