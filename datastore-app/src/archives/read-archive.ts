// SPDX-License-Identifier: Apache-2.0
import { closeSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { type FileVersion, isSameVersion } from '../content/file-version.ts';
import type { Hasher } from '../content/hasher.ts';
import type { OpenFile } from '../content/open-file.ts';
import { algorithmOf, archiveView } from '../formats/container/archive-view.ts';
import {
  type ArchivedBlob,
  ArchiveError,
  readContainerArchive,
} from '../formats/container/container-archive.ts';
import type { FileParser } from '../parsing/file-parser.ts';
import { parsedMembers } from '../parsing/parsed-members.ts';
import type { ArchiveVerdict } from './verdict-files.ts';

export interface ReadArchiveDeps {
  /** From createImageOpener. */
  readonly openImage: (path: string) => OpenFile | undefined;
  readonly hash: Hasher['hash'];
  readonly parser: FileParser;
}

const readFile = promisify(read);

const NONE: ArchiveVerdict = {
  kind: 'none',
  reason:
    'It is compressed, or holds no image as docker save or an image layout has it: `datastore-app import` takes it.',
};

/**
 * Reads an archive of the root to its end, and says what a registry can serve of it.
 *
 * @param version which must be there from the beginning to the end
 * @returns undefined where another file is there meanwhile
 * @throws errors of the system, and where it cannot be read; as {@link FileParser.parse}
 */
export async function readArchive(
  { openImage, hash, parser }: ReadArchiveDeps,
  path: string,
  version: FileVersion,
): Promise<ArchiveVerdict | undefined> {
  const file = openImage(path);
  if (file === undefined) return undefined;
  try {
    if (!isSameVersion(file.version, version)) return undefined;
    const readAt = async (offset: number, length: number) => {
      const { bytesRead, buffer } = await readFile(file.fd, Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    };
    const archive = await readContainerArchive(readAt, version.sizeBytes, (...from) =>
      parsedMembers(parser, ...from),
    );
    if (archive === undefined) return NONE;
    const hexes = new Map<ArchivedBlob, string>();
    for (const blob of archive.blobs) {
      const { offset, sizeBytes } = blob;
      const outcome = await hash(file.place, version, {
        algorithm: algorithmOf(blob),
        extent: { offset, sizeBytes },
      });
      if (outcome.kind === 'changed') return undefined;
      if (outcome.kind === 'failed') throw new Error(outcome.reason);
      hexes.set(blob, outcome.hex);
    }
    return { kind: 'view', view: archiveView(archive, (blob) => hexes.get(blob) ?? '') };
  } catch (error) {
    if (error instanceof ArchiveError) return { kind: 'none', reason: error.message };
    throw error;
  } finally {
    closeSync(file.fd);
  }
}
