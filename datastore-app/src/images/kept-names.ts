// SPDX-License-Identifier: Apache-2.0
import { isKeptPath } from './image-path.ts';

/** Named in a warning at most. */
const MAX_NAMED = 5;

/**
 * Tells of images that stand where the registry does, as a sentence.
 *
 * @param paths of all images
 * @returns undefined when there is none
 */
export function describeKeptNames(paths: Iterable<string>): string | undefined {
  const kept = [...paths].filter(isKeptPath).sort();
  if (kept.length === 0) return undefined;
  const named = kept.slice(0, MAX_NAMED).map((path) => `/${path}`);
  const more = kept.length > MAX_NAMED ? ` and ${kept.length - MAX_NAMED} more` : '';
  return (
    `${named.join(', ')}${more}: "v2", all below it, "token", and what begins with "oci:" are kept for the registry. ` +
    'Below /v2/ and at /oci:… the registry answers in the place of images, and none of these can be replaced: move them to other names'
  );
}
