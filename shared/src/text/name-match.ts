// SPDX-License-Identifier: Apache-2.0
/** Something that people name. */
export interface Named {
  /** Unique. */
  readonly id: string;
  /** What it is shown as; several may have the same. */
  readonly name: string;
}

export type NameMatch<T extends Named> =
  | { readonly kind: 'one'; readonly found: T }
  | { readonly kind: 'none' }
  | { readonly kind: 'several'; readonly found: readonly T[] };

/**
 * What a person means by a word: an id, a name, or the beginning of one that nothing else begins with. What fits better
 * counts alone: `web` is the one of that name even where there is a `web-2`. Ids are compared whatever their case.
 */
export function matchName<T extends Named>(word: string, candidates: readonly T[]): NameMatch<T> {
  const id = word.toLowerCase();
  const ways: readonly ((each: T) => boolean)[] = [
    (each) => each.id.toLowerCase() === id,
    (each) => each.name === word,
    (each) => word !== '' && (each.id.toLowerCase().startsWith(id) || each.name.startsWith(word)),
  ];
  for (const fits of ways) {
    const found = candidates.filter(fits);
    const [first] = found;
    if (first === undefined) continue;
    return found.length === 1 ? { kind: 'one', found: first } : { kind: 'several', found };
  }
  return { kind: 'none' };
}
