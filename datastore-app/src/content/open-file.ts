// SPDX-License-Identifier: Apache-2.0
import type { FileStanding, FileVersion } from './file-version.ts';

/** A file opened for reading. Whoever has it closes `fd`. */
export interface OpenFile {
  readonly fd: number;
  /** Where the file really stands, absolute. */
  readonly place: string;
  readonly version: FileVersion;
  readonly standing: FileStanding;
}
