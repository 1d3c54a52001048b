import type { Image } from '../images/catalogue.ts';
import { imageWarnings } from './image-warnings.ts';
import type { EveWarning } from './settings-document.ts';

/** An image as the API lists it. */
export interface ListedImage extends Omit<Image, 'problems'> {
  /** What keeps EVE from using it as it is, wherever it is registered; "Use in EVE" says the same, and more. */
  readonly warnings: readonly EveWarning[];
}

/** Says of an image what a person should know before EVE is given it. */
export function toListedImage({ problems, ...image }: Image): ListedImage {
  return { ...image, warnings: [...imageWarnings({ ...image, problems })] };
}
