// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import type { BlobFiles, DigestText } from './blob-files.ts';
import type { BlobKeeper } from './blob-keeper.ts';
import type { BlobEntry, BlobTable } from './blob-table.ts';
import { withoutManifests } from './change-record.ts';
import type { Leases } from './leases.ts';
import { planUntagged, type UntaggedPolicy } from './plan-untagged.ts';
import type { Repositories } from './repositories.ts';

/** What a collection would do, or did. */
export interface Collected {
  /** Manifests that no tag leads to any more. */
  readonly manifests: readonly { readonly repository: string; readonly digest: DigestText }[];
  /** Blobs that belong to no image, and go to the trash. */
  readonly blobs: number;
  readonly blobBytes: number;
  /** Why nothing is collected at all; undefined: it is. */
  readonly paused: string | undefined;
  /** The whole in plain words, for people. */
  readonly sentences: readonly string[];
}

/**
 * Takes away what belongs to no image, while pushes and pulls go on: what manifests name, and what was promised by a
 * lease, stays. Between the look at a blob and its way to the trash nothing else of the program runs.
 */
export interface Collection {
  /** What {@link Collection.run} would do now. */
  plan(): Collected;
  /** Removes untagged manifests that are due, and moves what nothing names to the trash. */
  run(): Promise<Collected>;
  /** Removes for good what was in the trash for so long. @param options.isAll whatever its time @returns bytes */
  emptyTrash(options?: { readonly isAll?: boolean }): Promise<number>;
  /** Has back from the trash what is named: an earlier run may have ended between two steps. */
  recover(): void;
  /** Bytes that were moved to the trash since the start. */
  collectedBytes(): number;
}

export interface CollectionDeps {
  readonly log: Log;
  readonly table: BlobTable;
  readonly files: Pick<BlobFiles, 'prepareTrash' | 'removeBatch'>;
  readonly keeper: BlobKeeper;
  readonly leases: Leases;
  readonly repositories: Repositories;
  /** What could not be read at the start: images may be named there. */
  readonly troubles: () => readonly string[];
  /** In ms since 1970. */
  readonly now: () => number;
  /** In ms, of a clock that only goes forward. */
  readonly elapsed: () => number;
}

export interface CollectionOptions extends UntaggedPolicy {
  readonly trashMs: number;
}

/** FAT holds some 9,000 names of this length in a folder. */
const BATCH_BLOBS = 5000;
/** So many are looked at before something else of the program may run. */
const LOOKS_AT_ONCE = 500;

function sentencesOf({ manifests, blobs, blobBytes, paused }: Omit<Collected, 'sentences'>): string[] {
  if (paused !== undefined) return [`Nothing is collected: ${paused}`];
  const byRepository = new Map<string, number>();
  for (const { repository } of manifests) {
    byRepository.set(repository, (byRepository.get(repository) ?? 0) + 1);
  }
  const sentences = [...byRepository].map(
    ([repository, count]) => `${countText(count, 'manifest')} of ${repository} without a tag: removed.`,
  );
  if (blobs > 0) {
    const belong = blobs === 1 ? 'belongs' : 'belong';
    sentences.push(
      `${countText(blobs, 'blob')}, ${sizeText(blobBytes)}, ${belong} to no image: moved to the trash.`,
    );
  }
  return sentences.length > 0 ? sentences : ['Everything belongs to an image: nothing to collect.'];
}

const withSentences = (collected: Omit<Collected, 'sentences'>): Collected => ({
  ...collected,
  sentences: sentencesOf(collected),
});

export function createCollection(deps: CollectionDeps, options: CollectionOptions): Collection {
  const { log, table, files, keeper, leases, repositories, now, elapsed } = deps;
  let collectedBytes = 0;

  function whyPaused(): string | undefined {
    const [unreadable] = repositories.unreadable();
    if (unreadable !== undefined) {
      return `the record of ${unreadable.name} cannot be read, and its images would be lost.`;
    }
    const [trouble] = deps.troubles();
    return trouble && `${trouble}, and images would be lost.`;
  }

  /** Does something with a blob; one that cannot be moved or removed keeps none of the others. @returns whether it was done */
  function attempt({ digest }: BlobEntry, trouble: string, work: () => unknown): boolean {
    try {
      return work() !== false;
    } catch (error) {
      log.error({ digest, reason: errorMessage(error) }, `a blob ${trouble}`);
      return false;
    }
  }

  const isFree = ({ place, leasedUntilMs }: BlobEntry) =>
    place !== undefined && place.kind !== 'trash' && leasedUntilMs <= elapsed();

  function untagged(): { repository: string; digests: Set<DigestText> }[] {
    return [...repositories.all()].flatMap(({ name, record }) => {
      const digests = planUntagged(record, options, now());
      return digests.size > 0 ? [{ repository: name, digests }] : [];
    });
  }

  const listed = (due: ReturnType<typeof untagged>) =>
    due.flatMap(({ repository, digests }) => [...digests].map((digest) => ({ repository, digest })));

  async function removeUntagged(): Promise<ReturnType<typeof untagged>> {
    const done: ReturnType<typeof untagged> = [];
    for (const repository of [...repositories.all()]) {
      // Decided in its turn: a tag may come to it meanwhile.
      await repository.inTurn(async () => {
        const digests = planUntagged(repository.record, options, now());
        if (digests.size === 0) return;
        await repositories.save(repository, withoutManifests(repository.record, digests));
        done.push({ repository: repository.name, digests });
      });
    }
    return done;
  }

  async function sweep(): Promise<{ blobs: number; blobBytes: number }> {
    const swept = { blobs: 0, blobBytes: 0 };
    let batch: string | undefined;
    let batchBlobs = 0;
    let looks = 0;
    for (const entry of table.entries()) {
      looks += 1;
      if (looks % LOOKS_AT_ONCE === 0) await nextTurn();
      if (entry.refs > 0 || !isFree(entry)) continue;
      if (batch === undefined || batchBlobs === BATCH_BLOBS) {
        batch = randomBytes(8).toString('hex');
        batchBlobs = 0;
        await files.prepareTrash(batch);
      }
      const to = batch;
      // Looked at again: what came before may have taken several turns.
      if (entry.refs > 0 || !isFree(entry)) continue;
      if (!attempt(entry, 'cannot be moved to the trash', () => keeper.moveToTrash(entry, to))) continue;
      batchBlobs += 1;
      swept.blobs += 1;
      swept.blobBytes += entry.sizeBytes;
    }
    collectedBytes += swept.blobBytes;
    return swept;
  }

  return {
    collectedBytes: () => collectedBytes,

    plan() {
      const paused = whyPaused();
      if (paused !== undefined) return withSentences({ manifests: [], blobs: 0, blobBytes: 0, paused });
      const due = untagged();
      const dropped = new Map<DigestText, number>();
      const drop = (digest: DigestText) => dropped.set(digest, (dropped.get(digest) ?? 0) + 1);
      for (const { repository, digests } of due) {
        const record = repositories.find(repository)?.record;
        for (const digest of digests) {
          drop(digest);
          for (const blob of record?.manifests.get(digest)?.blobs ?? []) drop(blob.digest);
        }
      }
      let blobs = 0;
      let blobBytes = 0;
      for (const entry of table.entries()) {
        if (entry.refs > (dropped.get(entry.digest) ?? 0) || !isFree(entry)) continue;
        blobs += 1;
        blobBytes += entry.sizeBytes;
      }
      return withSentences({ manifests: listed(due), blobs, blobBytes, paused });
    },

    async run() {
      const paused = whyPaused();
      if (paused !== undefined) {
        log.warn({ reason: paused }, 'nothing is collected');
        return withSentences({ manifests: [], blobs: 0, blobBytes: 0, paused });
      }
      const manifests = listed(await removeUntagged());
      const swept = await sweep();
      for (const repository of repositories.all()) leases.expire(repository);
      const collected = withSentences({ manifests, ...swept, paused });
      if (manifests.length + swept.blobs > 0) {
        log.info(
          { manifests: manifests.length, blobs: swept.blobs, bytes: swept.blobBytes },
          'what belongs to no image was collected',
        );
      }
      return collected;
    },

    async emptyTrash({ isAll = false } = {}) {
      let bytes = 0;
      let looks = 0;
      const batches = new Set<string>();
      for (const entry of table.trash()) {
        looks += 1;
        if (looks % LOOKS_AT_ONCE === 0) await nextTurn();
        if (entry.place?.kind !== 'trash') continue;
        if (!isAll && elapsed() - entry.trashedMs < options.trashMs) continue;
        const { batch } = entry.place;
        const wentBytes = entry.sizeBytes;
        if (!attempt(entry, 'cannot be removed from the trash', () => keeper.removeFromTrash(entry)))
          continue;
        batches.add(batch);
        bytes += wentBytes;
      }
      for (const batch of batches) {
        try {
          files.removeBatch(batch);
        } catch (error) {
          log.warn({ batch, reason: errorMessage(error) }, 'a folder of the trash cannot be removed');
        }
      }
      return bytes;
    },

    recover() {
      for (const entry of [...table.trash()]) {
        if (entry.refs === 0 && entry.leasedUntilMs <= elapsed()) continue;
        attempt(entry, 'cannot be had back from the trash', () => keeper.check(entry.digest));
      }
    },
  };
}
