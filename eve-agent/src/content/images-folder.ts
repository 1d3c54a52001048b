// SPDX-License-Identifier: Apache-2.0
import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';

/** The state directory itself, and what the service keeps in it beside images. */
const KEPT = new Set(['', 'pending', 'verified', 'status']);

/** Where a path leads, as far as it exists. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path ? path : join(realPathOf(dirname(path)), basename(path));
  }
}

/**
 * The folder where verified images get their names. It is not one in which the service keeps files of its own:
 * a controller chooses the names, and `holds.json` is as good a one as any.
 *
 * @param images as given with `--images`
 * @throws ConfigurationError
 */
export function imagesFolderOf(state: string, images: string | undefined): string {
  const folder = resolve(images ?? join(state, 'images'));
  const [top = ''] = relative(realPathOf(resolve(state)), realPathOf(folder)).split(sep);
  if (!KEPT.has(top)) return folder;
  throw new ConfigurationError(
    `--images ${folder}: the state directory ${state} keeps its own files there: give another folder`,
  );
}
