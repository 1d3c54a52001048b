// SPDX-License-Identifier: Apache-2.0
import type { KeyPath } from '../store/key-path.ts';
import { type KeyStore, PRIV } from '../store/key-store.ts';
import { addressOf } from './key-address.ts';
import type { KeyDeclaration, KeyDeclarations, NamesOf } from './manifest.ts';

/** A key that a calf reads, as the agent has it. */
export interface ToldKey<Value, Names extends readonly string[]> {
  /**
   * @throws RangeError a value that the key does not take
   * @throws StoreError QUOTA
   */
  put(value: Value, ...names: Names): void;
  /** There is none afterwards, if there was one or not. */
  drop(...names: Names): void;
}

/** A key that a calf writes, as the agent has it. */
export interface HeardKey<Value, Names extends readonly string[]> {
  /** null: there is none, or what is there is none of its values. */
  get(...names: Names): Value | null;
}

type AgentKey<Declaration> =
  Declaration extends KeyDeclaration<infer Path, infer Value, infer Right>
    ? Right extends 'read'
      ? ToldKey<Value, NamesOf<Path>>
      : HeardKey<Value, NamesOf<Path>>
    : never;

/** The keys of a calf by the names of its manifest, as the agent has them. */
export type AgentKeys<Keys extends KeyDeclarations> = { readonly [Name in keyof Keys]: AgentKey<Keys[Name]> };

function agentKey({ path, value: codec }: KeyDeclaration, prefix: KeyPath, store: KeyStore) {
  const at = (names: readonly string[]) => addressOf(prefix, path, names);
  return {
    put: (value: unknown, ...names: string[]) => store.write(PRIV, at(names), codec.encode(value)),
    drop(...names: string[]) {
      if (store.read(at(names)) !== undefined) store.delete(PRIV, at(names));
    },
    get(...names: string[]) {
      const bytes = store.read(at(names));
      return bytes === undefined ? null : codec.decode(bytes);
    },
  };
}

/** The keys of a calf as the agent uses them: it tells by those that the calf reads, and reads the others. */
export function openAgentKeys<Keys extends KeyDeclarations>(
  declarations: Keys,
  prefix: KeyPath,
  store: KeyStore,
): AgentKeys<Keys> {
  const keys = Object.entries(declarations).map(([name, declaration]) => [
    name,
    agentKey(declaration, prefix, store),
  ]);
  return Object.fromEntries(keys) as AgentKeys<Keys>;
}
