// SPDX-License-Identifier: Apache-2.0
import type { ShownImage } from '../upstream/images/shown-images.ts';
import { imageWarnings } from './image-warnings.ts';
import type { EveWarning } from './settings-document.ts';

/** An image as the API lists it. */
export interface ListedImage extends Omit<ShownImage, 'problems'> {
  /** It is never replaced, renamed or removed. */
  readonly isReleased?: true;
  /** Of a disk of the registry: its repository and tag, and where it can be had as a flat file for as long as it is there. */
  readonly artifact?: { readonly repository: string; readonly tag: string; readonly flatPath: string };
  /** What keeps EVE from using it as it is, wherever it is registered; "Use in EVE" says the same, and more. */
  readonly warnings: readonly EveWarning[];
}

/** Says of an image what a person should know before EVE is given it. */
export function toListedImage({ problems, ...image }: ShownImage): ListedImage {
  // Of what is not here yet nothing but its name is known, which would contradict nothing.
  const warnings = image.state === 'upstream' ? [] : [...imageWarnings({ ...image, problems })];
  return { ...image, warnings };
}
