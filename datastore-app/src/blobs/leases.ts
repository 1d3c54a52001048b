// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { asStoreError } from '../content/store-error.ts';
import type { DigestText } from './blob-files.ts';
import type { BlobTable } from './blob-table.ts';
import type { Repository } from './repository.ts';
import type { FoundLease, RepositoryFiles } from './repository-files.ts';

/**
 * Keeps blobs for repositories to which something was promised of them. Time is counted by a clock that only goes
 * forward: a device without a clock battery learns the date while a push is under way.
 */
export interface Leases {
  /** Takes up what was found at the start. */
  takeUp(repository: Repository, found: readonly FoundLease[]): void;
  /** Gives or renews a lease in memory, in this very turn. */
  grant(repository: Repository, digest: DigestText): void;
  /**
   * Writes down what was granted, unless it was just now.
   *
   * @param options.isDurable it must survive a power cut; else it may fail, as on a volume that can only be read
   * @throws StoreError where it must, and cannot be written
   */
  write(repository: Repository, digest: DigestText, options: { readonly isDurable: boolean }): Promise<void>;
  /** Nothing collects the blob from now on for as long as a lease lasts. */
  hold(digest: DigestText): void;
  /** The repository does not have the blob any more by a lease. @throws StoreError where that cannot be written */
  end(repository: Repository, digest: DigestText): void;
  /** Removes leases that have long ended. */
  expire(repository: Repository): void;
}

/** So long a lease that is found at the start lasts at the least: the date may have been set since it was written. */
const LEAST_MS = 3_600_000;
/** A lease whose file is younger is not written again. */
const REWRITE_MS = 3_600_000;

export interface LeasesOptions {
  readonly leaseMs: number;
  /** A blob in the trash is still had back for who had the lease. */
  readonly trashMs: number;
  readonly elapsed: () => number;
  /** In ms since 1970. */
  readonly now: () => number;
}

export function createLeases(
  { log, files, table }: { readonly log: Log; readonly files: RepositoryFiles; readonly table: BlobTable },
  { leaseMs, trashMs, elapsed, now }: LeasesOptions,
): Leases {
  function lease({ leases }: Repository, digest: DigestText, sinceMs: number, isWritten: boolean): void {
    const entry = table.entry(digest);
    const before = leases.get(digest);
    const writtenMs = isWritten ? sinceMs : before?.writtenMs;
    leases.set(entry.digest, { sinceMs, writtenMs, isDurable: isWritten || before?.isDurable === true });
    entry.leasedUntilMs = Math.max(entry.leasedUntilMs, sinceMs + leaseMs);
  }

  return {
    takeUp(repository, found) {
      for (const { digest, modifiedMs } of found) {
        const ageMs = Math.max(0, Math.min(now() - modifiedMs, leaseMs - Math.min(LEAST_MS, leaseMs)));
        lease(repository, digest, elapsed() - ageMs, true);
      }
    },
    grant: (repository, digest) => lease(repository, digest, elapsed(), false),
    async write(repository, digest, { isDurable }) {
      const granted = repository.leases.get(digest);
      if (granted === undefined) return;
      const { sinceMs, writtenMs } = granted;
      const isFresh = writtenMs !== undefined && sinceMs - writtenMs < REWRITE_MS;
      if (isFresh && (granted.isDurable || !isDurable)) return;
      try {
        await files.lease(repository.name, digest, { atMs: now(), isDurable });
        granted.writtenMs = sinceMs;
        granted.isDurable ||= isDurable;
      } catch (error) {
        if (isDurable) throw asStoreError(error);
        const { name } = repository;
        log.debug({ name, digest, reason: errorMessage(error) }, 'a lease could not be written');
      }
    },
    hold(digest) {
      const entry = table.entry(digest);
      entry.leasedUntilMs = Math.max(entry.leasedUntilMs, elapsed() + leaseMs);
    },
    end(repository, digest) {
      try {
        files.removeLease(repository.name, digest);
      } catch (error) {
        throw asStoreError(error);
      }
      repository.leases.delete(digest);
    },
    expire(repository) {
      for (const [digest, { sinceMs, writtenMs }] of repository.leases) {
        if (elapsed() - sinceMs < leaseMs + trashMs) continue;
        repository.leases.delete(digest);
        if (writtenMs === undefined) continue;
        try {
          files.removeLease(repository.name, digest);
        } catch (error) {
          const { name } = repository;
          log.warn({ name, digest, reason: errorMessage(error) }, 'a lease that has ended cannot be removed');
        }
      }
    },
  };
}
