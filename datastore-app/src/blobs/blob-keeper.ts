// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { OpenFile } from '../content/open-file.ts';
import { type BlobFiles, type DigestText, forbidWriting } from './blob-files.ts';
import type { BlobEntry, BlobTable } from './blob-table.ts';
import { RegistryError } from './registry-error.ts';

/** Puts blobs where they belong, and says whether one is there and sound as far as can be seen without reading it. */
export interface BlobKeeper {
  /** Reads what is on the disk. @returns what could not be read, as sentences */
  load(): string[];
  /**
   * The size of a blob that is here. One in the trash is had back; one of another size than it had is damaged from
   * now on.
   */
  check(digest: DigestText): number | undefined;
  /** As {@link BlobKeeper.check}. @throws system errors such as EMFILE */
  open(digest: DigestText): OpenFile | undefined;
  /**
   * Makes a verified file, which has reached the disk, the blob; what was there gives way to it, since nobody knows
   * as well of that what it is. Survives a power cut when it returns.
   *
   * @param onPlaced is called in the turn in which it comes to be, before anything could collect it
   * @throws RegistryError TOO_MANY; system errors
   */
  put(
    file: string,
    digest: DigestText,
    sizeBytes: number,
    onPlaced: (entry: BlobEntry) => void,
  ): Promise<void>;
  /** From now on it is as if it were not there, so that a push heals it. */
  markDamaged(entry: BlobEntry, why: string): void;
  /** It reads well again. */
  markSound(entry: BlobEntry): void;
  /** @returns false: it did not go */
  moveToTrash(entry: BlobEntry, batch: string): boolean;
  removeFromTrash(entry: BlobEntry): void;
}

const MAX_BLOBS = 200_000;
const STORED = { kind: 'stored' } as const;
const DAMAGED = { kind: 'damaged' } as const;

export interface BlobKeeperOptions {
  /** In ms, of a clock that only goes forward. */
  readonly elapsed: () => number;
  /** In ms since 1970. */
  readonly now: () => number;
  readonly maxBlobs?: number;
}

export function createBlobKeeper(
  { log, files, table }: { readonly log: Log; readonly files: BlobFiles; readonly table: BlobTable },
  { elapsed, now, maxBlobs = MAX_BLOBS }: BlobKeeperOptions,
): BlobKeeper {
  /** Moves a blob; where the volume cannot be written to, it is known here alone. */
  function tryMove({ digest, place }: BlobEntry, to: typeof STORED | typeof DAMAGED): boolean {
    try {
      return place !== undefined && files.move(digest, place, to);
    } catch (error) {
      log.warn({ digest, reason: errorMessage(error) }, 'a blob could not be moved');
      return false;
    }
  }

  function markDamaged(entry: BlobEntry, why: string): void {
    log.error({ digest: entry.digest, why }, 'a blob is damaged and is not served any more: push it again');
    tryMove(entry, DAMAGED);
    table.setPlace(entry, DAMAGED);
  }

  /** @returns whether it is where blobs are served from */
  function restore(entry: BlobEntry): boolean {
    if (entry.place?.kind !== 'trash') return entry.place?.kind === 'stored';
    const isBack = tryMove(entry, STORED);
    table.setPlace(entry, isBack ? STORED : undefined);
    return isBack;
  }

  /** Compares what is there with what was. @returns whether it is the same, as far as its size tells */
  function judge(entry: BlobEntry, sizeBytes: number | undefined): boolean {
    if (sizeBytes === entry.sizeBytes) return true;
    if (sizeBytes === undefined) {
      log.error({ digest: entry.digest }, 'a blob was removed by others: push it again');
      table.setPlace(entry, undefined);
    } else {
      markDamaged(entry, `it has ${sizeBytes} bytes in place of ${entry.sizeBytes}`);
    }
    return false;
  }

  return {
    markDamaged,

    load() {
      const troubles: string[] = [];
      files.load(
        (found) => table.note(found, elapsed()),
        (reason) => troubles.push(reason),
      );
      return troubles;
    },

    check(digest) {
      const entry = table.find(digest);
      if (entry === undefined || !restore(entry)) return undefined;
      return judge(entry, files.sizeOf(digest)) ? entry.sizeBytes : undefined;
    },

    open(digest) {
      const entry = table.find(digest);
      if (entry === undefined || !restore(entry)) return undefined;
      const file = files.open(digest);
      if (judge(entry, file?.version.sizeBytes)) return file;
      if (file !== undefined) closeSync(file.fd);
      return undefined;
    },

    async put(file, digest, sizeBytes, onPlaced) {
      await forbidWriting(file);
      await files.prepare(digest);
      const { blobs, trashed } = table.counts();
      if (table.find(digest)?.place === undefined && blobs + trashed >= maxBlobs) {
        throw new RegistryError('TOO_MANY', `There are ${maxBlobs} blobs: there is no room for more.`);
      }
      files.take(file, digest);
      const entry = table.entry(digest);
      const { place } = entry;
      table.setPlace(entry, STORED, sizeBytes);
      entry.verified = new Date(now()).toISOString();
      onPlaced(entry);
      if (place !== undefined && place.kind !== 'stored') files.remove(digest, place);
      if (place?.kind === 'damaged') log.info({ digest }, 'a damaged blob was healed by a push');
      await files.sync(digest);
    },

    markSound(entry) {
      if (entry.place?.kind !== 'damaged' || !tryMove(entry, STORED)) return;
      log.warn({ digest: entry.digest }, 'a blob reads well again and is served');
      table.setPlace(entry, STORED);
    },

    moveToTrash(entry, batch) {
      const to = { kind: 'trash', batch } as const;
      if (entry.place === undefined || !files.move(entry.digest, entry.place, to)) return false;
      table.setPlace(entry, to);
      entry.trashedMs = elapsed();
      return true;
    },

    removeFromTrash(entry) {
      if (entry.place?.kind !== 'trash') return;
      files.remove(entry.digest, entry.place);
      table.setPlace(entry, undefined);
      table.tidy(entry);
    },
  };
}
