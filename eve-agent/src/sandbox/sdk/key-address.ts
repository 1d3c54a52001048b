// SPDX-License-Identifier: Apache-2.0
import type { KeyPath } from '../store/key-path.ts';

const ANY = '*';

/** Where a key stands: its path below a prefix, with names in the place of each `*`. */
export function addressOf(prefix: KeyPath, path: string, names: readonly string[]): KeyPath {
  const left = [...names];
  const own = path.split('/').map((component) => (component === ANY ? (left.shift() ?? ANY) : component));
  return [...prefix, ...own];
}

/** The names in the address of a key that its path has a `*` for. */
export function namesIn(prefix: KeyPath, path: string, address: KeyPath): string[] {
  const own = path.split('/');
  return address.slice(prefix.length).filter((_, index) => own[index] === ANY);
}
