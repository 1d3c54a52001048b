// SPDX-License-Identifier: Apache-2.0
/** EVE's `Format`, in lower case. */
export const IMAGE_FORMATS = [
  'raw',
  'qcow',
  'qcow2',
  'vhd',
  'vmdk',
  'ova',
  'vhdx',
  'container',
  'iso',
] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/**
 * Why an image is not what EVE can start as it is. NEEDS_OTHER_FILE: a part of it stands in another file;
 * ENCRYPTED: only who has the key can read it; INCOMPLETE: its own tables lead beyond its end; UNKNOWN_VARIANT: no
 * version of the format that is known here; NOT_AN_IMAGE: EVE has no such format; COMPRESSED: what is in it would
 * first have to be unpacked; ODD_SIZE: no whole number of sectors; UNREADABLE: parsing it failed.
 */
export const FORMAT_PROBLEM_CODES = [
  'NEEDS_OTHER_FILE',
  'ENCRYPTED',
  'INCOMPLETE',
  'UNKNOWN_VARIANT',
  'NOT_AN_IMAGE',
  'COMPRESSED',
  'ODD_SIZE',
  'UNREADABLE',
] as const;
export type FormatProblemCode = (typeof FORMAT_PROBLEM_CODES)[number];

export interface FormatProblem {
  readonly code: FormatProblemCode;
  /** Sentences for a person: what it is, and what to do. */
  readonly message: string;
}

export interface ImageDescription {
  /** What EVE is told; `raw` too for content that EVE has no word for. */
  readonly format: ImageFormat;
  /** What the content is, in a word for people: the format, or what it is instead, such as `vdi` or `html`. */
  readonly content: string;
  /** The size of the disk that a guest sees; null where there is no disk, or its header is not sound. */
  readonly virtualSizeBytes: number | null;
  readonly problems: readonly FormatProblem[];
}
