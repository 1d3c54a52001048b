// SPDX-License-Identifier: Apache-2.0
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { digestOfText } from './manifests.ts';
import type { Page, Referrer, RegistryStore } from './registry-store.ts';
import type { Repositories } from './repositories.ts';

/** The part of the store that lists. */
export type RegistryLists = Pick<RegistryStore, 'listTags' | 'listReferrers' | 'listRepositories'>;

/** Where the names behind `last` begin in a sorted list. */
function indexBehind(names: readonly string[], last: string | undefined): number {
  if (last === undefined) return 0;
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? '') <= last) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A page of sorted names, of those that may be seen. */
export function pageOf(
  names: readonly string[],
  { last, limit }: { readonly last?: string | undefined; readonly limit: number },
  isVisible: (name: string) => boolean = () => true,
): Page {
  const page: string[] = [];
  for (let index = indexBehind(names, last); index < names.length; index += 1) {
    const name = names[index] ?? '';
    if (!isVisible(name)) continue;
    if (page.length >= limit) return { names: page, isMore: true };
    page.push(name);
  }
  return { names: page, isMore: false };
}

export function createRegistryLists({
  repositories,
}: {
  readonly repositories: Repositories;
}): RegistryLists {
  return {
    async listTags(name, wish) {
      const repository = repositories.find(name);
      if (repository === undefined || !repository.isRecorded) return undefined;
      const { tags, references = [] } = repository.record;
      repository.sortedTags ??= [...new Set([...tags.keys(), ...[...references].map(([tag]) => tag)])].sort();
      return pageOf(repository.sortedTags, wish);
    },

    async listReferrers(name, subject, artifactType) {
      const repository = repositories.find(name);
      const digests = repository?.referrers.get(formatDigest(subject)) ?? [];
      const referrers: Referrer[] = [];
      for (const digest of [...digests].sort()) {
        const manifest = repository?.record.manifests.get(digest);
        if (manifest === undefined) continue;
        if (artifactType !== undefined && manifest.artifactType !== artifactType) continue;
        const { mediaType, sizeBytes } = manifest;
        referrers.push({
          ...{ digest: digestOfText(digest), sizeBytes, mediaType },
          artifactType: manifest.artifactType,
        });
      }
      return referrers;
    },

    async listRepositories({ isVisible, ...wish }) {
      return pageOf(repositories.names(), wish, isVisible);
    },
  };
}
