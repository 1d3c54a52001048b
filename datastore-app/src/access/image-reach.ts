// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { parseManifestReference } from '@local-datastore/shared/oci/reference';
import type { RegistryStore } from '../blobs/registry-store.ts';

/**
 * Whether images of a repository are made of something.
 *
 * @param references their tags and digests
 * @param digest of a manifest or blob, such as `sha256:…`
 */
export type ReachesDigest = (
  repository: string,
  references: readonly string[],
  digest: string,
) => Promise<boolean>;

/** An image for many platforms has dozens of manifests, with what is attached to each. */
const MAX_MANIFESTS = 2000;

/** Looks into the manifests: of indexes into their children, and into what is attached to them (signatures). */
export function createReach(store: Pick<RegistryStore, 'readManifest' | 'listReferrers'>): ReachesDigest {
  /** What a manifest names, and the manifests that belong to it; nothing where it is not here. */
  async function lookInto(repository: string, digest: OciDigest | { readonly tag: string }) {
    const stored = await store.readManifest(repository, 'tag' in digest ? digest : { digest });
    if (stored === undefined) return undefined;
    const { config, layers, children } = parseManifest(stored.bytes, stored.mediaType);
    const attached = await store.listReferrers(repository, stored.digest);
    return {
      names: [
        stored.digest,
        ...[config ?? []].flat().map((each) => each.digest),
        ...layers.map((each) => each.digest),
      ],
      manifests: [...children, ...attached].map((each) => each.digest),
    };
  }

  return async (repository, references, digest) => {
    const waiting = references
      .map(parseManifestReference)
      .filter((each) => each !== undefined)
      .map((each) => ('tag' in each ? each : each.digest));
    const seen = new Set<string>();
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const key = 'tag' in next ? next.tag : formatDigest(next);
      if (key === digest) return true;
      if (seen.has(key) || seen.size >= MAX_MANIFESTS) continue;
      seen.add(key);
      const found = await lookInto(repository, next);
      if (found?.names.some((each) => formatDigest(each) === digest)) return true;
      waiting.push(...(found?.manifests ?? []));
    }
    return false;
  };
}
