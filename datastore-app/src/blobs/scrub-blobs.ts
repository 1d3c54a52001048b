import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { type FileVersion, versionOf } from '../content/file-version.ts';
import type { Verifiable, Verification } from '../images/verification.ts';
import type { BlobFiles } from './blob-files.ts';
import type { BlobKeeper } from './blob-keeper.ts';
import type { BlobEntry, BlobTable } from './blob-table.ts';
import { digestOfText } from './manifests.ts';

/** What the scrub of images needs to read blobs again as well. */
export interface BlobScrub {
  /** Blobs, and also those found damaged: they may read well again. */
  verifiables(): Iterable<Verifiable>;
  noteVerified(verifications: readonly Verification[]): void;
}

/** Of a blob that others removed: no file has it. */
const NO_FILE: FileVersion = { sizeBytes: -1, mtimeNs: 0n, ctimeNs: 0n, inode: 0n, device: 0n };

/** @param root without symbolic links */
export function createBlobScrub(
  {
    table,
    keeper,
    files,
  }: { readonly table: BlobTable; readonly keeper: BlobKeeper; readonly files: BlobFiles },
  { root }: { readonly root: string },
): BlobScrub {
  const placeOf = ({ place }: BlobEntry) =>
    place?.kind === 'stored' || place?.kind === 'damaged' ? place.kind : undefined;

  return {
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

    noteVerified(verifications) {
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
    },
  };
}
