// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/**
 * Why what arrives is not handed to the engine. Each message is a sentence for whoever sent it.
 *
 * ARCHIVE_EMPTY: nothing came. ARCHIVE_UNKNOWN: it is something else, such as a disk image or a page. ARCHIVE_CUT_OFF:
 * it ends too early. ARCHIVE_DAMAGED: it is not what it begins as. ARCHIVE_UNSAFE: it holds what no image archive does,
 * such as devices and ways out of it. ARCHIVE_TOO_LARGE: it is larger than is taken, or holds more. ARCHIVE_ENCODING:
 * it is compressed in a way that is not taken. NO_IMAGE, SEVERAL_IMAGES: it does not hold exactly one.
 * MANIFEST_INVALID, CONFIG_INVALID: what the image says of itself cannot be read. CONFIG_DAMAGED, LAYER_DAMAGED: content
 * has another digest than it must have. LAYER_MISSING, LAYER_COUNT: layers are not those that the image has.
 * PLATFORM_MISMATCH: it does not run here. NO_SPACE: the engine has too little room for it.
 */
export const IMAGE_STREAM_ERROR_CODES = [
  'ARCHIVE_EMPTY',
  'ARCHIVE_UNKNOWN',
  'ARCHIVE_CUT_OFF',
  'ARCHIVE_DAMAGED',
  'ARCHIVE_UNSAFE',
  'ARCHIVE_TOO_LARGE',
  'ARCHIVE_ENCODING',
  'NO_IMAGE',
  'SEVERAL_IMAGES',
  'MANIFEST_INVALID',
  'CONFIG_INVALID',
  'CONFIG_DAMAGED',
  'LAYER_DAMAGED',
  'LAYER_MISSING',
  'LAYER_COUNT',
  'PLATFORM_MISMATCH',
  'NO_SPACE',
] as const;
export type ImageStreamErrorCode = (typeof IMAGE_STREAM_ERROR_CODES)[number];

export class ImageStreamError extends CodedError<ImageStreamErrorCode> {}

export const cutOff = (): ImageStreamError =>
  new ImageStreamError('ARCHIVE_CUT_OFF', 'The archive is cut off: only a part of it came.');

export const damaged = (what: string, cause?: unknown): ImageStreamError =>
  new ImageStreamError('ARCHIVE_DAMAGED', `The archive is damaged: ${what}.`, { cause });
