// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { AuditSink } from '../audit/audit-entry.ts';
import { coversPattern, type KeyPath, type KeyPattern, keyPathText, parseKeyPattern } from './key-path.ts';
import { StoreError } from './store-error.ts';

export const MAX_VALUE_BYTES = 4096;
/** Who the keys belong to that this process, priv, writes itself. */
export const PRIV = 'priv';

export interface KeyChange {
  readonly path: KeyPath;
  /** null: it was deleted. */
  readonly value: Uint8Array | null;
  /** Who changed it. */
  readonly actor: string;
}

/** The keys of the service, in memory: priv's own, without rights. Values that it hands out are not to be changed. */
export interface KeyStore {
  /** How many keys there are. */
  readonly size: number;
  read(path: KeyPath): Uint8Array | undefined;
  /** @throws StoreError TOO_LARGE, or QUOTA when the actor has as many keys or bytes as it may have */
  write(actor: string, path: KeyPath, value: Uint8Array): void;
  /** @throws StoreError NOT_FOUND */
  delete(actor: string, path: KeyPath): void;
  /**
   * The keys that are there and that a pattern matches, in the order in which they were made.
   *
   * @throws StoreError MALFORMED for what is no pattern, as `watch` does
   */
  list(pattern: string): readonly { readonly path: KeyPath; readonly value: Uint8Array }[];
  /**
   * Tells of every change, in the order of changes, before the call returns that made it; what a watcher changes in its
   * turn is told when all were told of the first. The returned function ends it.
   */
  watch(pattern: string, onChange: (change: KeyChange) => void): () => void;
  /** Deletes all keys that an actor wrote last: it ended, and its successor starts with nothing. */
  clear(actor: string): void;
}

/** What one actor may have: the keys that it wrote last are its own. */
export interface KeyQuota {
  readonly keys: number;
  /** Of paths and values together. */
  readonly bytes: number;
}

export const DEFAULT_KEY_QUOTA: KeyQuota = { keys: 4096, bytes: 1024 * 1024 };

interface StoredKey {
  readonly path: KeyPath;
  readonly value: Uint8Array;
  readonly actor: string;
  readonly bytes: number;
}

interface Watcher {
  readonly pattern: KeyPattern;
  readonly onChange: (change: KeyChange) => void;
}

export interface KeyStoreDeps {
  /** Is told of every change before any watcher is. */
  readonly audit: AuditSink;
  readonly log: Log;
}

/** @param quota of each actor */
export function createKeyStore({ audit, log }: KeyStoreDeps, quota: KeyQuota = DEFAULT_KEY_QUOTA): KeyStore {
  const keys = new Map<string, StoredKey>();
  const usage = new Map<string, { keys: number; bytes: number }>();
  const watchers = new Set<Watcher>();
  const untold: KeyChange[] = [];
  let isTelling = false;

  const usageOf = (actor: string) => usage.get(actor) ?? { keys: 0, bytes: 0 };

  /** Takes a key from whoever had it, if there is one. */
  function release(name: string): void {
    const stored = keys.get(name);
    if (stored === undefined) return;
    const { keys: count, bytes } = usageOf(stored.actor);
    if (count === 1) usage.delete(stored.actor);
    else usage.set(stored.actor, { keys: count - 1, bytes: bytes - stored.bytes });
  }

  function tell(watcher: Watcher, change: KeyChange): void {
    try {
      watcher.onChange(change);
    } catch (error) {
      // One watcher that fails is no reason for others, or for whoever wrote, to.
      log.error({ path: keyPathText(change.path), error: errorMessage(error) }, 'a watcher of a key failed');
    }
  }

  function announce(change: KeyChange): void {
    const { actor, path, value } = change;
    const facts = { actor, path: keyPathText(path), verdict: 'ok' };
    audit.append(value === null ? { ...facts, op: 'delete' } : { ...facts, op: 'write', value });
    untold.push(change);
    if (isTelling) return;
    isTelling = true;
    for (let next = untold.shift(); next !== undefined; next = untold.shift()) {
      for (const watcher of [...watchers]) {
        // It may have been ended by one that was told before.
        if (watchers.has(watcher) && coversPattern(watcher.pattern, next.path)) tell(watcher, next);
      }
    }
    isTelling = false;
  }

  function remove(actor: string, name: string, path: KeyPath): void {
    release(name);
    keys.delete(name);
    announce({ path, value: null, actor });
  }

  return {
    get size() {
      return keys.size;
    },
    read: (path) => keys.get(keyPathText(path))?.value,
    write(actor, path, value) {
      if (value.length > MAX_VALUE_BYTES) {
        throw new StoreError('TOO_LARGE', `a value of ${value.length} bytes: at most ${MAX_VALUE_BYTES}`);
      }
      const name = keyPathText(path);
      const bytes = name.length + value.length;
      const before = keys.get(name);
      const freed = before?.actor === actor ? { keys: 1, bytes: before.bytes } : { keys: 0, bytes: 0 };
      const used = usageOf(actor);
      const next = { keys: used.keys + 1 - freed.keys, bytes: used.bytes + bytes - freed.bytes };
      if (next.keys > quota.keys || next.bytes > quota.bytes) {
        throw new StoreError('QUOTA', `${actor} has ${used.keys} keys of ${used.bytes} bytes`);
      }
      if (freed.keys === 0) release(name);
      usage.set(actor, next);
      // A copy, as what was handed in is a view of a message.
      const stored = { path: [...path], value: new Uint8Array(value), actor, bytes };
      keys.set(name, stored);
      announce({ path: stored.path, value: stored.value, actor });
    },
    delete(actor, path) {
      const name = keyPathText(path);
      const stored = keys.get(name);
      if (stored === undefined) throw new StoreError('NOT_FOUND', `there is no key ${name}`);
      remove(actor, name, stored.path);
    },
    list(pattern) {
      const wanted = parseKeyPattern(pattern);
      return [...keys.values()].filter(({ path }) => coversPattern(wanted, path));
    },
    watch(pattern, onChange) {
      const watcher = { pattern: parseKeyPattern(pattern), onChange };
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    clear(actor) {
      for (const [name, stored] of [...keys]) {
        // It may have been taken by a watcher of one before.
        if (stored.actor === actor && keys.get(name) === stored) remove(actor, name, stored.path);
      }
    },
  };
}
