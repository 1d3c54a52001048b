// SPDX-License-Identifier: Apache-2.0
/** A path as it is where letters have no case. */
const folded = (path: string): string => path.normalize('NFC').toLowerCase();

/** Whether paths differ in upper and lower case, and in nothing else that a person sees. */
const differInCase = (one: string, other: string): boolean => one.normalize('NFC') !== other.normalize('NFC');

/** Finds paths that differ in upper and lower case alone. Those without capital letters take no room of their own. */
export interface CaseIndex {
  add(path: string): void;
  delete(path: string): void;
  /** One that differs from a path in case alone; undefined: there is none, or the path is here itself. */
  twinOf(path: string): string | undefined;
}

/** @param isHere whether a path is there at all, also one that was not added, as it has no capital letters */
export function createCaseIndex(isHere: (path: string) => boolean): CaseIndex {
  const capitals = new Map<string, readonly string[]>();
  return {
    add(path) {
      const key = folded(path);
      const there = capitals.get(key) ?? [];
      if (key !== path && !there.includes(path)) capitals.set(key, [...there, path]);
    },
    delete(path) {
      const key = folded(path);
      const left = capitals.get(key)?.filter((each) => each !== path) ?? [];
      if (left.length > 0) capitals.set(key, left);
      else capitals.delete(key);
    },
    twinOf(path) {
      if (isHere(path)) return undefined;
      const key = folded(path);
      return [key, ...(capitals.get(key) ?? [])].find((each) => isHere(each) && differInCase(each, path));
    },
  };
}

/** Of paths that differ in upper and lower case alone: to each one of the others. */
export function findCaseTwins(paths: Iterable<string>): Map<string, string> {
  const all = [...paths];
  const alike = new Map<string, string[]>();
  for (const path of all) {
    const key = folded(path);
    if (key !== path) alike.set(key, [...(alike.get(key) ?? []), path]);
  }
  if (alike.size === 0) return new Map();
  for (const path of all) if (folded(path) === path) alike.get(path)?.push(path);
  const twins = new Map<string, string>();
  for (const group of alike.values()) {
    for (const path of group) {
      const twin = group.find((each) => differInCase(each, path));
      if (twin !== undefined) twins.set(path, twin);
    }
  }
  return twins;
}

/** Named in a warning at most. */
const MAX_NAMED = 5;

/**
 * Tells of images whose names differ in upper and lower case alone, as a sentence.
 *
 * @param paths of all images
 * @returns undefined when there is none
 */
export function describeCaseTwins(paths: Iterable<string>): string | undefined {
  const twins = [...findCaseTwins(paths).keys()].sort((a, b) => (folded(a) + a < folded(b) + b ? -1 : 1));
  if (twins.length === 0) return undefined;
  const named = twins.slice(0, MAX_NAMED).map((path) => `/${path}`);
  const more = twins.length > MAX_NAMED ? ` and ${twins.length - MAX_NAMED} more` : '';
  return (
    `${named.join(', ')}${more}: these names differ in upper and lower case alone. ` +
    'Each is served as what it is, but people and disks without case take one for the other: rename one of them'
  );
}
