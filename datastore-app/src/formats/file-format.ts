// SPDX-License-Identifier: Apache-2.0
import type { DigestAlgorithm } from '@local-datastore/shared/digest/digest';
import type { FormatProblem, FormatProblemCode } from './image-description.ts';
import type { DescribeFormat, ImageSource } from './image-source.ts';

/** The formats of image files, as operations call them. */
export const FILE_FORMAT_NAMES = [
  'raw',
  'iso',
  'qcow',
  'qcow2',
  'vmdk',
  'vhd',
  'vhdx',
  'ova',
  'docker-archive',
  'oci-archive',
] as const;
export type FileFormatName = (typeof FILE_FORMAT_NAMES)[number];

/**
 * When a format is asked whether a content is its own: by what it begins with, by what it ends with, by what stands
 * within, as an archive (before the compressed files that some of them are), as something that is no image, as text,
 * which has no magic, and as what is left. Within one of these nobody claims what another does.
 */
export const STAGES = ['beginning', 'end', 'within', 'archive', 'foreign', 'text', 'rest'] as const;
export type Stage = (typeof STAGES)[number];

/** DAMAGED: a checksum, or what two parts say of the same, does not fit. The others are as in descriptions. */
export type DefectCode = FormatProblemCode | 'DAMAGED';

/** What is wrong with an image, for programs and for people. */
export interface Defect {
  readonly code: DefectCode;
  /** Sentences: what it is, and where it is known what to do, that. */
  readonly message: string;
}

/** Some of the bytes of an image. */
export interface ImagePart {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** An image that is read as a whole. */
export interface ValidationSource extends ImageSource {
  /** The digest of a part, in lower-case hexadecimal digits. @throws where the file changes, or cannot be read */
  hashOf(part: ImagePart, algorithm: DigestAlgorithm): Promise<string>;
  readonly signal: AbortSignal;
}

/** A disk that stands in another file as it is. */
export interface ContainedDisk extends ImagePart {
  /** Of its member. */
  readonly name: string;
}

/** What stands in an archive. */
export type Member =
  | { readonly kind: 'file'; readonly name: string; readonly sizeBytes: number; readonly isDisk: boolean }
  | {
      readonly kind: 'image';
      /** As the archive calls it. */
      readonly names: readonly string[];
      /** Such as `linux/arm64`; null: its config does not say. */
      readonly platform: string | null;
      readonly layers: readonly MemberLayer[];
    };

export interface MemberLayer {
  /** Of the layer as it stands there; null: only reading it tells. */
  readonly digest: string | null;
  /** Of what it unpacks to; null: the config does not say. */
  readonly diffId: string | null;
  readonly sizeBytes: number;
}

/** Finds what is wrong, beyond what a description says. @throws what reading throws */
export type ValidateFormat = (source: ValidationSource) => AsyncGenerator<Defect>;

/** All that is known of one format. Each file of `kinds` has one; `file-formats.ts` lists them. */
export interface FileFormat {
  readonly name: FileFormatName;
  readonly stage: Stage;
  /** undefined: the content is of another. */
  readonly describe: DescribeFormat;
  readonly validate: ValidateFormat;
  /** What stands in it; absent: it is no archive. */
  readonly members?: (source: ImageSource) => Promise<readonly Member[]>;
  /** The disks in it; absent: it is one itself, or holds none. */
  readonly disks?: (source: ImageSource) => Promise<readonly ContainedDisk[]>;
  /** How `qemu-img` calls what it can check; absent: it cannot. */
  readonly qemuName?: string;
}

export const damaged = (message: string): Defect => ({ code: 'DAMAGED', message });
/** Of contents that have no checksums and no tables. */
export async function* nothingToCheck(): AsyncGenerator<Defect> {}

/** More are not told of one image. */
const MAX_DEFECTS = 50;

/** All defects that a format finds, as far as anybody reads them. */
export async function collectDefects(found: AsyncIterable<FormatProblem | Defect>): Promise<Defect[]> {
  const defects: Defect[] = [];
  for await (const defect of found) {
    if (defects.length === MAX_DEFECTS) {
      defects[MAX_DEFECTS - 1] = damaged('There is more that is wrong: only the beginning is told.');
      break;
    }
    defects.push(defect);
  }
  return defects;
}
