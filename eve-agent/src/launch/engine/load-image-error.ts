// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/**
 * Why the engine has no image of an archive that is right, or that failed on the way.
 *
 * ENGINE_AWAY: it does not answer, or broke off. ENGINE_NO_SPACE: its disk is full. ENGINE_REFUSED: it does not take the
 * image, for its own reasons. IMAGE_DIFFERS: it has another one under the name than was checked.
 */
export const LOAD_IMAGE_ERROR_CODES = [
  'ENGINE_AWAY',
  'ENGINE_NO_SPACE',
  'ENGINE_REFUSED',
  'IMAGE_DIFFERS',
] as const;
export type LoadImageErrorCode = (typeof LOAD_IMAGE_ERROR_CODES)[number];
export class LoadImageError extends CodedError<LoadImageErrorCode> {}
