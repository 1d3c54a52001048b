// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';

/**
 * A path without `.`, `..`, doubled or last slashes, by its text alone.
 *
 * @param path which begins with a slash
 */
export function normalizePath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** Whether a path is another one or below it; both normal. */
export const isWithin = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`);

/** Below the root of the container. @throws ValueError */
export function requireContainerPath(path: string): string {
  if (!path.startsWith('/')) throw new ValueError(`the path '${path}' in the container must be absolute`);
  if (normalizePath(path) === '/')
    throw new ValueError('nothing can be mounted at the root of the container');
  return path;
}

/** @throws ValueError */
export function requireHostPath(path: string): string {
  if (!path.startsWith('/')) {
    throw new ValueError(
      `the path '${path}' on the host must be absolute: there is no folder that it would be relative to`,
    );
  }
  return path;
}
