// SPDX-License-Identifier: Apache-2.0
import type { AuditSink } from '../audit/audit-entry.ts';
import { isKeyPath, isKeyPattern, type KeyPath, keyPathText } from './key-path.ts';
import type { KeyChange, KeyStore } from './key-store.ts';
import { checkRights, judgeAccess, type KeyRight, type StoreOperation } from './rights.ts';
import { StoreError } from './store-error.ts';

/** The store as one actor may use it. Paths may come from anybody; all calls throw a StoreError for what is refused. */
export interface StoreSession {
  read(path: readonly string[]): Uint8Array;
  write(path: readonly string[], value: Uint8Array): void;
  delete(path: readonly string[]): void;
  /** Tells of changes from now on. */
  watch(pattern: readonly string[], onChange: (change: KeyChange) => void): SessionWatch;
}

export interface SessionWatch {
  /** The keys that are there, in the order in which they were made. */
  readonly present: readonly { readonly path: KeyPath; readonly value: Uint8Array }[];
  end(): void;
}

export interface StoreSessionOptions {
  readonly actor: string;
  readonly rights: readonly KeyRight[];
  readonly maxWatches: number;
}

/**
 * Judges what one actor asks for, and tells the audit log what was refused. Of changes the store itself tells it.
 *
 * @throws StoreError MALFORMED for rights with no pattern
 */
export function createStoreSession(
  { store, audit }: { readonly store: KeyStore; readonly audit: AuditSink },
  { actor, rights, maxWatches }: StoreSessionOptions,
): StoreSession {
  checkRights(rights);
  let watches = 0;

  function refuse(
    operation: StoreOperation,
    path: readonly string[],
    error: unknown,
    value?: Uint8Array,
  ): void {
    // That there is no such key is an answer.
    if (!(error instanceof StoreError) || error.code === 'NOT_FOUND') return;
    const facts = { actor, op: operation, path: keyPathText(path), verdict: error.code };
    audit.append(value === undefined ? facts : { ...facts, value });
  }

  function judged<Result>(
    operation: StoreOperation,
    path: readonly string[],
    act: () => Result,
    value?: Uint8Array,
  ): Result {
    try {
      if (!(operation === 'watch' ? isKeyPattern(path) : isKeyPath(path))) {
        throw new StoreError('MALFORMED', `${operation}: this is no path`);
      }
      if (!judgeAccess(rights, operation, path)) {
        throw new StoreError('DENIED', `${actor} has no right to ${operation} ${keyPathText(path)}`);
      }
      return act();
    } catch (error) {
      refuse(operation, path, error, value);
      throw error;
    }
  }

  return {
    read: (path) =>
      judged('read', path, () => {
        const value = store.read(path);
        if (value === undefined) throw new StoreError('NOT_FOUND', `there is no key ${keyPathText(path)}`);
        return value;
      }),
    write: (path, value) => judged('write', path, () => store.write(actor, path, value), value),
    delete: (path) => judged('delete', path, () => store.delete(actor, path)),
    watch: (components, onChange) =>
      judged('watch', components, () => {
        if (watches >= maxWatches) throw new StoreError('QUOTA', `${actor} has ${watches} watches`);
        const pattern = keyPathText(components);
        const present = store.list(pattern);
        const unsubscribe = store.watch(pattern, onChange);
        watches += 1;
        let isOver = false;
        return {
          present,
          end() {
            if (isOver) return;
            isOver = true;
            watches -= 1;
            unsubscribe();
          },
        };
      }),
  };
}
