import type { ShownImage } from '../upstream/images/shown-images.ts';
import { imageWarnings } from './image-warnings.ts';
import type { EveWarning } from './settings-document.ts';

/** An image as the API lists it. */
export interface ListedImage extends Omit<ShownImage, 'problems'> {
  /** What keeps EVE from using it as it is, wherever it is registered; "Use in EVE" says the same, and more. */
  readonly warnings: readonly EveWarning[];
}

/** Says of an image what a person should know before EVE is given it. */
export function toListedImage({ problems, ...image }: ShownImage): ListedImage {
  // Of what is not here yet nothing but its name is known, which would contradict nothing.
  const warnings = image.state === 'upstream' ? [] : [...imageWarnings({ ...image, problems })];
  return { ...image, warnings };
}
