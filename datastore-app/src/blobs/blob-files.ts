// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync, renameSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { OCI_ALGORITHMS, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { createFolderMaker, inFolder, openClosedFolder } from '../content/closed-folder.ts';
import { standingOf, versionOf } from '../content/file-version.ts';
import type { OpenFile } from '../content/open-file.ts';

/** A digest as text, `sha256:…`, by which blobs are found in memory. */
export type DigestText = string;

/** In which of the places of a blob it stands. */
export type BlobPlace =
  | { readonly kind: 'stored' | 'damaged' }
  /** @param batch the folder in the trash */
  | { readonly kind: 'trash'; readonly batch: string };

/** A blob that was found at the start. */
export interface FoundBlob {
  readonly digest: DigestText;
  readonly sizeBytes: number;
  readonly place: BlobPlace;
}

/**
 * The files of blobs, below `.oci`: verified ones at `blobs/<algorithm>/ab/<digits>`, 256 folders, since FAT holds
 * some 9,000 such names in one; what was found damaged beside them with a suffix; and the trash.
 * What moves a blob is synchronous, so that what was decided about it still holds.
 */
export interface BlobFiles {
  /** Everything there is. @param onTrouble hears of folders that cannot be read */
  load(onBlob: (blob: FoundBlob) => void, onTrouble: (reason: string) => void): void;
  /** undefined: it is not there, or no plain file. @throws system errors such as EMFILE */
  open(digest: DigestText): OpenFile | undefined;
  /** undefined: it is not there, or no plain file. */
  sizeOf(digest: DigestText): number | undefined;
  /** Below the root, as scrubbing needs it. */
  pathOf(digest: DigestText, place: 'stored' | 'damaged'): string;
  /** Makes the folders that {@link BlobFiles.take} needs. */
  prepare(digest: DigestText): Promise<void>;
  /** Gives a file its name as a blob; one that is there is replaced. */
  take(file: string, digest: DigestText): void;
  /** Makes the name survive a power cut. */
  sync(digest: DigestText): Promise<void>;
  /** Makes a batch of the trash. */
  prepareTrash(batch: string): Promise<void>;
  /** @returns false: it is not where it was thought to be */
  move(digest: DigestText, from: BlobPlace, to: BlobPlace): boolean;
  /** @returns false: it is not there */
  remove(digest: DigestText, place: BlobPlace): boolean;
  /** Removes a batch of the trash that has become empty. */
  removeBatch(batch: string): void;
}

const OCI = '.oci';
/** Whether a path below the root is that of a blob, and of no image. */
export const isBlobPath = (path: string): boolean => path.startsWith(`${OCI}/blobs/`);

const DAMAGED_SUFFIX = '.damaged';
const FOLDER_NAME = /^[0-9a-f]{2}$/;
const BATCH_NAME = /^[0-9a-f-]{1,64}$/;
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const NO_BLOB = new Set(['ENOENT', 'ELOOP', 'ENXIO', 'ENODEV']);

interface Location {
  readonly folder: readonly string[];
  readonly name: string;
}

function locate(digest: DigestText, place: BlobPlace): Location {
  const [algorithm = '', hex = ''] = digest.split(':');
  if (place.kind === 'trash') return { folder: [OCI, 'trash', place.batch], name: `${algorithm}-${hex}` };
  const name = place.kind === 'damaged' ? `${hex}${DAMAGED_SUFFIX}` : hex;
  return { folder: [OCI, 'blobs', algorithm, hex.slice(0, 2)], name };
}

const STORED = { kind: 'stored' } as const;

/** @param root without symbolic links */
export function createBlobFiles(root: string): BlobFiles {
  const makeFolder = createFolderMaker(root);

  /** The names in a folder; none where it is missing, or cannot be read. */
  function namesIn(folder: readonly string[], onTrouble: (reason: string) => void): string[] {
    try {
      return inFolder(root, folder, ({ names }) => names()) ?? [];
    } catch (error) {
      onTrouble(`${folder.join('/')} cannot be read: ${(error as Error).message}`);
      return [];
    }
  }

  /** Sizes of the plain files of a folder. */
  function loadFolder(
    folder: readonly string[],
    onFile: (name: string, sizeBytes: number) => void,
    onTrouble: (reason: string) => void,
  ): void {
    try {
      inFolder(root, folder, ({ names, stat }) => {
        for (const name of names()) {
          const found = stat(name);
          if (found?.isFile()) onFile(name, found.size);
        }
      });
    } catch (error) {
      onTrouble(`${folder.join('/')} cannot be read: ${(error as Error).message}`);
    }
  }

  return {
    load(onBlob, onTrouble) {
      for (const batch of namesIn([OCI, 'trash'], onTrouble)) {
        if (!BATCH_NAME.test(batch)) continue;
        const place = { kind: 'trash', batch } as const;
        const onFile = (name: string, sizeBytes: number) => {
          const digest = parseOciDigest(name.replace('-', ':'));
          if (digest !== undefined) onBlob({ digest: name.replace('-', ':'), sizeBytes, place });
        };
        loadFolder([OCI, 'trash', batch], onFile, onTrouble);
      }
      for (const algorithm of OCI_ALGORITHMS) {
        for (const folder of namesIn([OCI, 'blobs', algorithm], onTrouble)) {
          if (!FOLDER_NAME.test(folder)) continue;
          const onFile = (name: string, sizeBytes: number) => {
            const isDamaged = name.endsWith(DAMAGED_SUFFIX);
            const digest = `${algorithm}:${isDamaged ? name.slice(0, -DAMAGED_SUFFIX.length) : name}`;
            if (!name.startsWith(folder) || parseOciDigest(digest) === undefined) return;
            onBlob({ digest, sizeBytes, place: { kind: isDamaged ? 'damaged' : 'stored' } });
          };
          loadFolder([OCI, 'blobs', algorithm, folder], onFile, onTrouble);
        }
      }
    },

    open(digest) {
      const { folder, name } = locate(digest, STORED);
      return inFolder(root, folder, ({ entry }) => {
        let fd: number;
        try {
          fd = openSync(entry(name), OPEN_FLAGS);
        } catch (error) {
          if (NO_BLOB.has(systemErrorCode(error) ?? '')) return undefined;
          throw error;
        }
        const stat = fstatSync(fd, { bigint: true });
        if (!stat.isFile()) {
          closeSync(fd);
          return undefined;
        }
        const place = join(root, ...folder, name);
        return { fd, place, version: versionOf(stat), standing: standingOf(stat) };
      });
    },

    sizeOf(digest) {
      const { folder, name } = locate(digest, STORED);
      return inFolder(root, folder, ({ stat }) => {
        const found = stat(name);
        return found?.isFile() ? found.size : undefined;
      });
    },

    pathOf(digest, kind) {
      const { folder, name } = locate(digest, { kind });
      return join(...folder, name);
    },

    prepare: (digest) => makeFolder(locate(digest, STORED).folder),

    take(file, digest) {
      const { folder, name } = locate(digest, STORED);
      const isDone = inFolder(root, folder, ({ entry }) => {
        renameSync(file, entry(name));
        return true;
      });
      if (isDone === undefined) throw new Error(`${folder.join('/')} was removed`);
    },

    async sync(digest) {
      const folder = openClosedFolder(root, locate(digest, STORED).folder);
      try {
        await folder?.sync();
      } finally {
        folder?.close();
      }
    },

    prepareTrash: (batch) => makeFolder([OCI, 'trash', batch]),

    move(digest, from, to) {
      const [source, target] = [locate(digest, from), locate(digest, to)];
      return (
        inFolder(root, source.folder, (sourceFolder) =>
          inFolder(root, target.folder, (targetFolder) => {
            try {
              renameSync(sourceFolder.entry(source.name), targetFolder.entry(target.name));
              return true;
            } catch (error) {
              if (systemErrorCode(error) === 'ENOENT') return false;
              throw error;
            }
          }),
        ) ?? false
      );
    },

    remove(digest, place) {
      const { folder, name } = locate(digest, place);
      return inFolder(root, folder, ({ remove }) => remove(name)) ?? false;
    },

    removeBatch(batch) {
      inFolder(root, [OCI, 'trash'], (folder) => folder.removeFolder(batch));
    },
  };
}

/** Nobody is to write to a blob; a file system without modes, such as FAT, may not be able to say so. */
export const forbidWriting = (file: string): Promise<void> => chmod(file, 0o444).catch(() => {});
