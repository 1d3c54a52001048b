// SPDX-License-Identifier: Apache-2.0
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import type { SavedEntry } from '@local-datastore/shared/oci/saved-entries';
import { archiveView } from '../formats/container/archive-view.ts';
import { ArchiveError, fromSaved } from '../formats/container/container-archive.ts';
import { placesOf } from '../formats/container/docker-archive.ts';
import type { ImageSource } from '../formats/image-source.ts';
import { storedLinks } from '../registry/manifest-content.ts';
import { type FoundImage, type FoundImages, ImageFailure, type ImportFailure } from './archive-image.ts';
import type { TakenArchive } from './take-archive.ts';

/** @throws ImageFailure; whatever `readAt` throws */
async function findOne(
  entry: SavedEntry,
  { members }: Pick<TakenArchive, 'members'>,
  readAt: ImageSource['readAt'],
): Promise<FoundImage> {
  const places = placesOf(entry, members);
  if (typeof places === 'string') throw new ImageFailure('CONTENT_MISSING', places);
  const hexes = new Map([...members.values()].map(({ offset, digest }) => [offset, digest.hex]));
  try {
    const { images, manifests } = archiveView(
      await fromSaved(readAt, [places]),
      ({ offset }) => hexes.get(offset) ?? '',
    );
    const [image] = images;
    const [root] = manifests;
    if (image === undefined || root === undefined) throw new Error('an image has no manifest');
    const { blobs } = storedLinks(parseManifest(root.bytes, root.mediaType));
    return {
      ...{ names: image.names, root, others: [], attached: new Map() },
      blobs: new Map(blobs.map((blob) => [formatDigest(blob.digest), blob])),
    };
  } catch (error) {
    if (error instanceof ArchiveError) throw new ImageFailure('IMAGE_INVALID', error.message);
    throw error;
  }
}

/**
 * Finds the images of an archive of `docker save`. A manifest is written for each, with the layers as they are, so that
 * it keeps its id. What cannot be read spoils its own image alone.
 *
 * @param readAt reads from where a member of the archive begins
 */
export async function findSavedImages(
  entries: readonly SavedEntry[],
  taken: Pick<TakenArchive, 'members'>,
  readAt: ImageSource['readAt'],
): Promise<FoundImages> {
  const found: FoundImage[] = [];
  const failed: ImportFailure[] = [];
  for (const entry of entries) {
    try {
      found.push(await findOne(entry, taken, readAt));
    } catch (error) {
      if (!(error instanceof ImageFailure)) throw error;
      failed.push({ name: entry.RepoTags?.[0] ?? entry.Config, code: error.code, message: error.message });
    }
  }
  return { found, failed };
}
