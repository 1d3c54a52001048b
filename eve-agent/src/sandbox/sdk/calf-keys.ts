// SPDX-License-Identifier: Apache-2.0
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import type { StoreClient } from '../store/store-client.ts';
import { addressOf, namesIn } from './key-address.ts';
import type { KeyDeclaration, KeyDeclarations, NamesOf } from './manifest.ts';

/** What a calf needs of the store for its keys. */
export type CalfStore = Pick<StoreClient, 'read' | 'write' | 'delete' | 'watch'>;

/** A key that the agent writes. Calls reject with what the store refuses. */
export interface ReadableKey<Value, Names extends readonly string[]> {
  /** null: there is none, or what is there is none of its values. */
  read(...names: Names): Promise<Value | null>;
  /**
   * Tells of the values that are there, before the promise is fulfilled, and of each later one; null: it is gone, or is
   * none of its values.
   *
   * @returns what ends it
   */
  watch(onValue: (value: Value | null, ...names: Names) => void): Promise<() => void>;
}

/** A key that the calf writes. Calls reject with what the store refuses. */
export interface WritableKey<Value, Names extends readonly string[]> {
  /** @throws RangeError a value that the key does not take */
  write(value: Value, ...names: Names): Promise<void>;
  /** Rejects with NOT_FOUND where there is none. */
  delete(...names: Names): Promise<void>;
}

type CalfKey<Declaration> =
  Declaration extends KeyDeclaration<infer Path, infer Value, infer Right>
    ? Right extends 'read'
      ? ReadableKey<Value, NamesOf<Path>>
      : WritableKey<Value, NamesOf<Path>>
    : never;

/** The keys of a calf by the names of its manifest, each with what the calf may do with it. */
export type CalfKeys<Keys extends KeyDeclarations> = { readonly [Name in keyof Keys]: CalfKey<Keys[Name]> };

function readableKey(
  { path, value: codec }: KeyDeclaration,
  prefix: KeyPath,
  store: CalfStore,
): ReadableKey<unknown, string[]> {
  const decode = (bytes: Uint8Array | null) => (bytes === null ? null : codec.decode(bytes));
  return {
    read: async (...names) => decode(await store.read(addressOf(prefix, path, names))),
    watch: (onValue) =>
      store.watch(keyPathText(addressOf(prefix, path, [])), ({ path: address, value }) =>
        onValue(decode(value), ...namesIn(prefix, path, address)),
      ),
  };
}

function writableKey(
  { path, value: codec }: KeyDeclaration,
  prefix: KeyPath,
  store: CalfStore,
): WritableKey<unknown, string[]> {
  return {
    write: async (value, ...names) => store.write(addressOf(prefix, path, names), codec.encode(value)),
    delete: (...names) => store.delete(addressOf(prefix, path, names)),
  };
}

/** The keys of a calf as it uses them. */
export function openCalfKeys<Keys extends KeyDeclarations>(
  declarations: Keys,
  prefix: KeyPath,
  store: CalfStore,
): CalfKeys<Keys> {
  const keys = Object.entries(declarations).map(([name, declaration]) => [
    name,
    (declaration.right === 'read' ? readableKey : writableKey)(declaration, prefix, store),
  ]);
  return Object.fromEntries(keys) as CalfKeys<Keys>;
}
