// SPDX-License-Identifier: Apache-2.0
import type { DigestAlgorithm } from '@local-datastore/shared/digest/digest';
import type { ContainedDisk, Defect, FileFormatName, ImagePart, Member } from '../formats/file-format.ts';
import type { ImageDescription } from '../formats/image-description.ts';
import type { ImageSource } from '../formats/image-source.ts';
import type { FoundMember } from '../formats/tar-members.ts';

/** What is found out of a file by its content. */
export interface ParseOutcomes {
  /** What it is. */
  readonly describe: Described;
  /** And what stands in it. */
  readonly list: Described & { readonly members: readonly Member[] };
  /** Where the disks in it stand. */
  readonly disks: { readonly disks: readonly ContainedDisk[] };
  /** And what is wrong with it, beyond what the description says. */
  readonly validate: Described & { readonly defects: readonly Defect[] };
  /** Of a part of a tar archive that begins with the headers of a member: that member. */
  readonly member: FoundMember;
}

export interface Described {
  readonly format: FileFormatName;
  readonly description: ImageDescription;
}

export type ParseTask = keyof ParseOutcomes;

/** A file that somebody else made, as far as parsing it needs it. */
export interface ParsedFile {
  readonly sizeBytes: number;
  readonly readAt: ImageSource['readAt'];
  /** The digest of a part, for validation alone. @throws where the file changes, or cannot be read */
  readonly hashOf?: (part: ImagePart, algorithm: DigestAlgorithm) => Promise<string>;
}

/** Parses the content of files, wherever that is done. */
export interface FileParser {
  /**
   * @throws what reading the file throws; the signal's reason
   * @throws UnreadableContentError its content is not to be parsed
   * @throws ParserUnavailableError there is nobody at the moment who parses
   */
  parse<Task extends ParseTask>(
    task: Task,
    file: ParsedFile,
    signal?: AbortSignal,
  ): Promise<ParseOutcomes[Task]>;
}

/** Parsing a file failed, and would again: its content is to blame. The message is a clause that says why. */
export class UnreadableContentError extends Error {
  override name = 'UnreadableContentError';
}

/** Nothing can be parsed at the moment, whatever it is. */
export class ParserUnavailableError extends Error {
  override name = 'ParserUnavailableError';
}
