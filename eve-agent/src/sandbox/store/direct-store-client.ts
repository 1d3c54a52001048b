import { type KeyPath, keyPathText, parseKeyPattern } from './key-path.ts';
import type { KeyStore } from './key-store.ts';
import { judgeAccess, type KeyRight, type StoreOperation } from './rights.ts';
import { StoreError } from './store-error.ts';

/** The store as a calf has it, for one that runs in priv's own process: the same rights, and no messages between. */
export interface DirectStoreClient {
  read(path: KeyPath): Promise<Uint8Array | null>;
  write(path: KeyPath, value: Uint8Array): Promise<void>;
  delete(path: KeyPath): Promise<void>;
  watch(
    pattern: string,
    onChange: (change: { readonly path: KeyPath; readonly value: Uint8Array | null }) => void,
  ): Promise<() => void>;
}

/**
 * A client without a process between, as where separation is off, and in tests. Each call is done when it returns its
 * promise, which rejects with a StoreError.
 *
 * @param actor who writes
 */
export function createDirectStoreClient(
  store: KeyStore,
  actor: string,
  rights: readonly KeyRight[],
): DirectStoreClient {
  function check(operation: StoreOperation, path: readonly string[]): void {
    if (judgeAccess(rights, operation, path)) return;
    throw new StoreError('DENIED', `${actor} may not ${operation} ${keyPathText(path)}`);
  }
  return {
    async read(path) {
      check('read', path);
      return store.read(path) ?? null;
    },
    async write(path, value) {
      check('write', path);
      store.write(actor, path, value);
    },
    async delete(path) {
      check('delete', path);
      store.delete(actor, path);
    },
    async watch(pattern, onChange) {
      check('watch', parseKeyPattern(pattern));
      for (const { path, value } of store.list(pattern)) onChange({ path, value });
      return store.watch(pattern, ({ path, value }) => onChange({ path, value }));
    },
  };
}
