// SPDX-License-Identifier: Apache-2.0
import { formatDigest } from '@local-datastore/shared/oci/digest';
import type { WantedPlatform } from '@local-datastore/shared/oci/platform';
import type { FoundImage } from '../../archive-imports/archive-image.ts';
import { findLayoutImages } from '../../archive-imports/layout-images.ts';
import { eachOnce } from '../../archive-imports/plan-chunks.ts';
import type { BlobInfo } from '../../blobs/registry-store.ts';
import { ImportFailedError } from '../exit-code.ts';
import type { DatastoreClient, NamedImage } from './datastore-client.ts';
import { createRepositoryContent, type RepositoryContent } from './registry-content.ts';

/** Images on their way out, with all that belongs to them. */
export interface GatheredSet {
  /** Named with their repositories. */
  readonly images: readonly FoundImage[];
  /** What they need and is not elsewhere already; each once. */
  readonly blobs: readonly BlobInfo[];
  /** What they need and is elsewhere. */
  readonly expected: readonly BlobInfo[];
  /** A repository that has a blob. */
  contentWith(digest: string): RepositoryContent | undefined;
}

/**
 * Finds images with what they lead to, and what refers to them.
 *
 * @param isElsewhere whether a blob need not come along
 * @throws ConfigurationError where there is no such image; ImportFailedError where a part of one is missing
 */
export async function gatherSet(
  client: Pick<DatastoreClient, 'ask' | 'read'>,
  wanted: readonly NamedImage[],
  platforms: readonly WantedPlatform[],
  isElsewhere: (blob: BlobInfo) => boolean,
): Promise<GatheredSet> {
  const images: FoundImage[] = [];
  const contents = new Map<string, RepositoryContent>();
  for (const [repository, own] of Map.groupBy(wanted, (each) => each.repository)) {
    const content = createRepositoryContent(client, repository);
    const entries = [];
    for (const image of own) entries.push(await content.find(image));
    const { found, failed } = await findLayoutImages(
      [...entries, ...(await content.digestTags())],
      content,
      platforms,
    );
    const [failure] = failed;
    if (failure !== undefined)
      throw new ImportFailedError(failure.code, `${failure.name}: ${failure.message}`);
    const meant = new Set(entries.map(({ descriptor }) => formatDigest(descriptor.digest)));
    for (const image of found.filter(({ root }) => meant.has(formatDigest(root.digest)))) {
      images.push(image);
      for (const key of image.blobs.keys()) if (!contents.has(key)) contents.set(key, content);
    }
  }
  const all = eachOnce(images.flatMap(({ blobs }) => [...blobs.values()]));
  return {
    images,
    blobs: all.filter((blob) => !isElsewhere(blob)),
    expected: all.filter(isElsewhere),
    contentWith: (digest) => contents.get(digest),
  };
}
