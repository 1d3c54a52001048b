/** For tests: keys in memory with the least of what the store promises, and what a client of it sees. */
import type { KeyAccess, SeenKey } from './key-access.ts';

export interface ScriptedKeys extends KeyAccess {
  /** All keys by their paths, as text. */
  all(): Record<string, string>;
  /** Deletes what an actor wrote last, as for a calf that ended. */
  clear(actor: string): void;
  /** The asynchronous side of an actor, without rights. */
  clientOf(actor: string): {
    read(path: readonly string[]): Promise<Uint8Array | null>;
    write(path: readonly string[], value: Uint8Array): Promise<void>;
    delete(path: readonly string[]): Promise<void>;
    watch(pattern: string, onChange: (change: Omit<SeenKey, 'actor'>) => void): Promise<() => void>;
  };
  /** From now on every write of an actor is refused with this. */
  refuse(error: Error): void;
}

const nameOf = (path: readonly string[]) => `/${path.join('/')}`;

/** Patterns are exact paths, or end in `/**`. */
const isMatch = (pattern: string, name: string) =>
  pattern.endsWith('/**') ? name.startsWith(pattern.slice(0, -2)) : pattern === name;

export function createScriptedKeys(): ScriptedKeys {
  const keys = new Map<
    string,
    { readonly path: readonly string[]; readonly value: Uint8Array; readonly actor: string }
  >();
  const watchers = new Set<{ readonly pattern: string; readonly onChange: (change: SeenKey) => void }>();
  let refusal: Error | undefined;

  function tell(change: SeenKey): void {
    for (const { pattern, onChange } of [...watchers])
      if (isMatch(pattern, nameOf(change.path))) onChange(change);
  }
  const access: KeyAccess = {
    read: (path) => keys.get(nameOf(path))?.value,
    write(actor, path, value) {
      if (refusal !== undefined) throw refusal;
      keys.set(nameOf(path), { path, value: Buffer.from(value), actor });
      tell({ path, value, actor });
    },
    delete(actor, path) {
      if (!keys.delete(nameOf(path))) throw new Error(`there is no key ${nameOf(path)}`);
      tell({ path, value: null, actor });
    },
    watch(pattern, onChange) {
      const watcher = { pattern, onChange };
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
  };
  return {
    ...access,
    all: () =>
      Object.fromEntries([...keys].map(([name, { value }]) => [name, Buffer.from(value).toString('latin1')])),
    clear(actor) {
      for (const stored of [...keys.values()]) if (stored.actor === actor) access.delete(actor, stored.path);
    },
    clientOf: (actor) => ({
      read: async (path) => access.read(path) ?? null,
      write: async (path, value) => access.write(actor, path, value),
      delete: async (path) => access.delete(actor, path),
      async watch(pattern, onChange) {
        for (const [name, { path, value }] of [...keys])
          if (isMatch(pattern, name)) onChange({ path, value });
        return access.watch(pattern, onChange);
      },
    }),
    refuse(error) {
      refusal = error;
    },
  };
}
