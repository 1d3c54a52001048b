// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { type FileVersion, versionOf } from '../content/file-version.ts';
import type { Verifiable, Verification } from '../images/verification.ts';
import type { BlobFiles } from './blob-files.ts';
import type { BlobKeeper } from './blob-keeper.ts';
import { type BlobReads, groupOf } from './blob-reads.ts';
import type { BlobEntry, BlobTable } from './blob-table.ts';
import { digestOfText } from './manifests.ts';

/** What the scrub of images needs to read blobs again as well. */
export interface BlobScrub {
  /** Blobs, and also those found damaged: they may read well again. */
  verifiables(): Iterable<Verifiable>;
  noteVerified(verifications: readonly Verification[]): Promise<void>;
}

/** Of a blob that others removed: no file has it. */
const NO_FILE: FileVersion = { sizeBytes: -1, mtimeNs: 0n, ctimeNs: 0n, inode: 0n, device: 0n };

export interface BlobScrubDeps {
  readonly log: Log;
  readonly table: BlobTable;
  readonly keeper: BlobKeeper;
  readonly files: BlobFiles;
  /** undefined: nothing is remembered over restarts. */
  readonly reads: BlobReads | undefined;
}

/**
 * @param root without symbolic links
 * @returns also what recalls, after a start, when blobs were read before it
 */
export function createBlobScrub(
  { log, table, keeper, files, reads }: BlobScrubDeps,
  { root }: { readonly root: string },
): BlobScrub & { recall(): Promise<void> } {
  const placeOf = ({ place }: BlobEntry) =>
    place?.kind === 'stored' || place?.kind === 'damaged' ? place.kind : undefined;

  async function remember(): Promise<void> {
    const all = [...table.entries()].filter((entry) => placeOf(entry) !== undefined);
    try {
      await reads?.save(all.map(({ digest, verified }) => [digest, verified] as const));
    } catch (error) {
      log.warn({ reason: errorMessage(error) }, 'when blobs were read again could not be noted');
    }
  }

  return {
    async recall() {
      try {
        const times = await reads?.load();
        for (const entry of table.entries()) entry.verified ??= times?.get(groupOf(entry.digest)) ?? null;
      } catch (error) {
        log.warn({ reason: errorMessage(error) }, 'when blobs were read again is not known any more');
      }
    },

    *verifiables() {
      for (const entry of table.entries()) {
        const place = placeOf(entry);
        if (place === undefined) continue;
        const path = files.pathOf(entry.digest, place);
        yield {
          ...{ path, digest: digestOfText(entry.digest), verified: entry.verified },
          // Asked for when it is its turn: there are very many.
          get version(): FileVersion {
            const stat = lstatSync(join(root, path), { bigint: true, throwIfNoEntry: false });
            return stat === undefined ? NO_FILE : versionOf(stat);
          },
        };
      }
    },

    async noteVerified(verifications) {
      const byPath = new Map(verifications.map((each) => [each.path, each]));
      if (byPath.size === 0) return;
      for (const entry of table.entries()) {
        const place = placeOf(entry);
        const found = place && byPath.get(files.pathOf(entry.digest, place));
        if (found === undefined) continue;
        entry.verified = found.verified;
        if (found.isCorrupt && place === 'stored') keeper.markDamaged(entry, 'its digest is another one');
        if (!found.isCorrupt && place === 'damaged') keeper.markSound(entry);
      }
      await remember();
    },
  };
}
