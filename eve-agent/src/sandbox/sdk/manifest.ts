// SPDX-License-Identifier: Apache-2.0
import type { CalfLimits } from '@local-datastore/shared/confinement/launcher/calf';
import { coversPattern, type KeyPath, keyPathText, parseKeyPattern } from '../store/key-path.ts';
import { type KeyRight, readable, writable } from '../store/rights.ts';
import type { StoreLimits } from '../store/serve-store.ts';
import type { ValueCodec } from './values.ts';

/** A key, or keys of one kind, below the prefix of a calf. */
export interface KeyDeclaration<
  Path extends string = string,
  Value = unknown,
  Right extends 'read' | 'write' = 'read' | 'write',
  Handler extends string | null = string | null,
> {
  /** Components with slashes between them; `*` for any one. */
  readonly path: Path;
  /** Of the calf: to read and watch what the agent writes, or to write and delete. */
  readonly right: Right;
  readonly value: ValueCodec<Value>;
  /** Which handler of the agent acts on it; null: none does. */
  readonly handler: Handler;
}

/** A key that the agent writes, and the calf reads. */
export function readKey<const Path extends string, Value>(
  path: Path,
  value: ValueCodec<Value>,
): KeyDeclaration<Path, Value, 'read', null> {
  return { path, right: 'read', value, handler: null };
}

/** A key that the calf writes. */
export function writeKey<const Path extends string, Value>(
  path: Path,
  value: ValueCodec<Value>,
): KeyDeclaration<Path, Value, 'write', null> {
  return { path, right: 'write', value, handler: null };
}

/** A key that the calf writes, and that a handler of the agent acts on each time. */
export function handledKey<const Path extends string, Value, const Handler extends string>(
  path: Path,
  value: ValueCodec<Value>,
  handler: Handler,
): KeyDeclaration<Path, Value, 'write', Handler> {
  return { path, right: 'write', value, handler };
}

/** What a datagram has to be to reach a calf; all else is dropped in the kernel. */
export interface DatagramBounds {
  /** Of its payload. */
  readonly minBytes: number;
  readonly maxBytes: number;
  /** What its payload begins with. Default: anything. */
  readonly firstByte?: number;
}

/** What a calf has besides the store. The agent opens it, with a filter on what comes that nobody can take off. */
export type DescriptorDeclaration =
  /** Frames of one interface: all that a client of DHCP has to hear. A read waits for so long at most. */
  | { readonly kind: 'frames'; readonly filter: 'dhcp'; readonly waitMs: number }
  /** A UDP socket that is bound to an address of IPv4. It sends to neighbours on its links alone. */
  | { readonly kind: 'datagrams'; readonly filter: DatagramBounds };

export type KeyDeclarations = Readonly<Record<string, KeyDeclaration>>;
export type DescriptorDeclarations = Readonly<Record<string, DescriptorDeclaration>>;

/** All that a calf is, may and has. Both sides hold it: the agent gives by it, the calf uses by it. */
export interface CalfManifest {
  /** Its folder below `calves`, and its name in logs and the status: lower-case letters, digits, hyphens. */
  readonly name: string;
  /** Its number as user and group, which no other calf has. */
  readonly user: number;
  readonly limits: CalfLimits;
  /** Where the ones of the store are not enough. */
  readonly storeLimits?: Partial<StoreLimits>;
  readonly keys: KeyDeclarations;
  readonly descriptors: DescriptorDeclarations;
  /** What it is told at its start, by arguments that anybody on the host can read. Default: nothing. */
  readonly options?: ValueCodec<unknown>;
}

/** What a calf of a manifest is told at its start. */
export type OptionsOf<Manifest extends CalfManifest> = Manifest extends {
  readonly options: ValueCodec<infer Options>;
}
  ? Options
  : null;

/** The names that stand for the `*` of a path, one by one. */
export type NamesOf<Path extends string> = Path extends `${infer First}/${infer Rest}`
  ? [...NamesOf<First>, ...NamesOf<Rest>]
  : Path extends '*'
    ? [name: string]
    : [];

/**
 * A manifest, with all that TypeScript knows of it.
 *
 * @throws StoreError MALFORMED a path of a key that is none
 * @throws RangeError two keys where one path could be meant by both
 */
export function defineManifest<const Manifest extends CalfManifest>(manifest: Manifest): Manifest {
  const patterns = Object.values(manifest.keys).map(({ path }) => parseKeyPattern(`/${path}`));
  for (const [index, pattern] of patterns.entries()) {
    const other = patterns.find((each, at) => at !== index && coversPattern(pattern, each));
    if (other !== undefined)
      throw new RangeError(`${keyPathText(other)} is also a key of ${keyPathText(pattern)}`);
  }
  return manifest;
}

/** The rights of a calf on its keys below a prefix. */
export function rightsOf({ keys }: CalfManifest, prefix: KeyPath): KeyRight[] {
  return Object.values(keys).map(({ path, right }) => {
    const pattern = keyPathText([...prefix, ...path.split('/')]);
    return right === 'read' ? readable(pattern) : writable(pattern);
  });
}

/** The names of descriptors that a calf has from its start, in their order; the others are handed over when it runs. */
export function startDescriptors({ descriptors }: CalfManifest): string[] {
  return Object.keys(descriptors).filter((name) => descriptors[name]?.kind === 'frames');
}
