// SPDX-License-Identifier: Apache-2.0
import { StoreError } from './store-error.ts';

/** Where a value stands, component by component, such as `['datastore', '7', 'fqdn']`. */
export type KeyPath = readonly string[];

/** As a path, with `*` for any one component, and `**` at the end for one or more. */
export type KeyPattern = readonly string[];

export const MAX_PATH_COMPONENTS = 16;
export const MAX_COMPONENT_BYTES = 64;

/** ASCII that shows, without `/`, which parts them, and `*`, which patterns have. */
const COMPONENT = /^[\x21-\x29\x2b-\x2e\x30-\x7e]{1,64}$/;

const isComponent = (text: string) => COMPONENT.test(text) && text !== '.' && text !== '..';

/** Whether components that came from outside make a path. */
export function isKeyPath(components: readonly string[]): components is KeyPath {
  return components.length >= 1 && components.length <= MAX_PATH_COMPONENTS && components.every(isComponent);
}

/** Whether components that came from outside make a pattern; every path is one. */
export function isKeyPattern(components: readonly string[]): components is KeyPattern {
  const last = components.length - 1;
  return (
    components.length >= 1 &&
    components.length <= MAX_PATH_COMPONENTS &&
    components.every((each, i) => isComponent(each) || each === '*' || (each === '**' && i === last))
  );
}

/** What follows the slash at the beginning; an empty component is none. */
function componentsOf(text: string): readonly string[] {
  // So long a text is no path, and is not taken apart.
  const isPossible = text.startsWith('/') && text.length <= MAX_PATH_COMPONENTS * (MAX_COMPONENT_BYTES + 1);
  return isPossible ? text.slice(1).split('/') : [];
}

/**
 * Reads a path such as `/datastore/7/fqdn`.
 *
 * @throws StoreError MALFORMED unless it is 1 to 16 components of 1 to 64 bytes, each after a slash, of printable ASCII
 *   without space, `/` and `*`, none of them `.` or `..`
 */
export function parseKeyPath(text: string): KeyPath {
  const components = componentsOf(text);
  if (isKeyPath(components)) return components;
  throw new StoreError('MALFORMED', `"${text.slice(0, 80)}" is no path of a key`);
}

/**
 * Reads a pattern such as `/bridges/*` or `/download/**`.
 *
 * @throws StoreError MALFORMED unless it is a path in which `*` stands for a component, or `**` at the end for a rest
 */
export function parseKeyPattern(text: string): KeyPattern {
  const components = componentsOf(text);
  if (isKeyPattern(components)) return components;
  throw new StoreError('MALFORMED', `"${text.slice(0, 80)}" is no pattern of keys`);
}

/** A path or a pattern as {@link parseKeyPath} reads it. */
export const keyPathText = (path: KeyPath | KeyPattern): string => `/${path.join('/')}`;

/**
 * Whether a pattern matches all that another one does; a path is a pattern that matches itself. `**` matches one
 * component or more: `/a/**` is all below `/a`, without `/a`.
 */
export function coversPattern(pattern: KeyPattern, other: KeyPattern): boolean {
  const hasRest = pattern.at(-1) === '**';
  if (hasRest ? other.length < pattern.length : other.length !== pattern.length) return false;
  const isCovered = (component: string, i: number) =>
    (hasRest && i === pattern.length - 1) || (component === '*' ? other[i] !== '**' : component === other[i]);
  return pattern.every(isCovered);
}
