// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { INDEX_FILE, LAYOUT_FILE } from '@local-datastore/shared/oci/image-archive';
import { isLayoutMark, layoutEntries } from '@local-datastore/shared/oci/layout-entries';
import { MAX_MANIFEST_BYTES } from '@local-datastore/shared/oci/manifest';
import type { WantedPlatform } from '@local-datastore/shared/oci/platform';
import { SAVED_FILE, savedEntries } from '@local-datastore/shared/oci/saved-entries';
import { type FoundImages, ImageFailure } from './archive-image.ts';
import { findLayoutImages } from './layout-images.ts';
import { findSavedImages } from './saved-images.ts';
import type { TakenArchive } from './take-archive.ts';

/** The first byte of a JSON document, as every client writes manifests. */
const BRACE = 0x7b;
/** Documents beside images are small; more of them are looked at by nobody. */
const MAX_CANDIDATE_BYTES = 256 * 1024;
const MAX_CANDIDATES = 5000;

function parseJson(bytes: Buffer | undefined): unknown {
  try {
    return bytes && JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/**
 * Finds the images of an archive that has been read. One that is an image layout is taken as such, whatever else stands
 * in it: then the digests are those of whoever made the images.
 *
 * @param readBlob reads a small blob that the archive brought
 * @returns undefined where it holds none
 */
export async function findImages(
  taken: TakenArchive,
  readBlob: (digest: OciDigest) => Promise<Buffer | undefined>,
  platforms: readonly WantedPlatform[],
): Promise<FoundImages | undefined> {
  const { documents, members, blobs, damaged } = taken;
  const entries = layoutEntries(parseJson(documents.get(INDEX_FILE)));
  if (isLayoutMark(parseJson(documents.get(LAYOUT_FILE))) && entries !== undefined && entries.length > 0) {
    const candidates = [...blobs.values()].filter(
      ({ head, sizeBytes }) => head[0] === BRACE && sizeBytes <= MAX_CANDIDATE_BYTES,
    );
    const readManifest = async (digest: OciDigest) => {
      const key = formatDigest(digest);
      const why = damaged.get(key);
      if (why !== undefined) throw new ImageFailure('DIGEST_MISMATCH', `Its ${key} is damaged: ${why}`);
      const blob = blobs.get(key);
      if (blob !== undefined && blob.sizeBytes > MAX_MANIFEST_BYTES) {
        throw new ImageFailure('IMAGE_INVALID', `Its ${key} is larger than manifests are.`);
      }
      return blob && readBlob(digest);
    };
    const digests = candidates.slice(0, MAX_CANDIDATES).map(({ digest }) => digest);
    return findLayoutImages(entries, { readManifest, candidates: digests }, platforms);
  }
  const saved = savedEntries(parseJson(documents.get(SAVED_FILE)));
  if (saved === undefined) return undefined;
  const byOffset = new Map([...members.values()].map((member) => [member.offset, member]));
  return findSavedImages(saved, taken, async (offset, length) => {
    const member = byOffset.get(offset);
    if (member === undefined) throw new Error(`nothing begins at ${offset}`);
    if (length <= member.head.length) return member.head.subarray(0, length);
    return (await readBlob(member.digest)) ?? Buffer.alloc(0);
  });
}
