// SPDX-License-Identifier: Apache-2.0
import type { AuditSink } from '../audit/audit-entry.ts';
import { parseKeyPattern } from './key-path.ts';
import type { KeyStore } from './key-store.ts';
import type { KeyRight } from './rights.ts';
import { DEFAULT_STORE_LIMITS } from './serve-store.ts';
import type { StoreClient } from './store-client.ts';
import { StoreError } from './store-error.ts';
import { createStoreSession, type SessionWatch, type StoreSession } from './store-session.ts';

interface DirectWatch extends SessionWatch {
  readonly onLost: (reason: string) => void;
}

/**
 * The store for what would be a calf, and runs in priv's own process: the same rights and the same lines in the log,
 * without a connection.
 *
 * @throws StoreError MALFORMED for rights with no pattern
 */
export function createDirectStoreClient(
  deps: { readonly store: KeyStore; readonly audit: AuditSink },
  { actor, rights }: { readonly actor: string; readonly rights: readonly KeyRight[] },
): StoreClient {
  const session = createStoreSession(deps, { actor, rights, maxWatches: DEFAULT_STORE_LIMITS.watches });
  const watches = new Set<DirectWatch>();
  const { promise: closed, resolve: tellClosed } = Promise.withResolvers<string>();
  let isOver = false;

  function open(): StoreSession {
    if (isOver) throw new StoreError('BUSY', 'the store has ended: closed');
    return session;
  }

  return {
    async read(path) {
      try {
        return new Uint8Array(open().read(path));
      } catch (error) {
        if (error instanceof StoreError && error.code === 'NOT_FOUND') return null;
        throw error;
      }
    },
    async write(path, value) {
      open().write(path, value);
    },
    async delete(path) {
      open().delete(path);
    },
    async watch(pattern, onChange, onLost = () => {}) {
      const components = parseKeyPattern(pattern);
      const tell = (path: readonly string[], value: Uint8Array | null) =>
        onChange({ path, value: value === null ? null : new Uint8Array(value) });
      const begun = open().watch(components, ({ path, value }) => tell(path, value));
      const watch = { ...begun, onLost };
      watches.add(watch);
      for (const { path, value } of begun.present) tell(path, value);
      return () => {
        if (watches.delete(watch)) watch.end();
      };
    },
    closed,
    close() {
      if (isOver) return;
      isOver = true;
      const lost = [...watches];
      watches.clear();
      for (const watch of lost) watch.end();
      tellClosed('closed');
      for (const { onLost } of lost) onLost('closed');
    },
  };
}
