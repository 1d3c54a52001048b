// SPDX-License-Identifier: Apache-2.0
import { PLATFORM } from '@local-datastore/shared/oci/descriptor';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { MAX_MANIFEST_BYTES, parseManifest } from '@local-datastore/shared/oci/manifest';
import { isImageConfig } from '@local-datastore/shared/oci/media-types';
import { isAttestation, platformText } from '@local-datastore/shared/oci/platform';
import type { RegistryReader } from '../archives/archive-registry.ts';
import { readWholeSource } from '../content/source-content.ts';

type Reader = Pick<RegistryReader, 'readManifest' | 'openBlob'>;

/** What an image runs on, such as `linux/arm64`; attestations left out. Nothing where that is not here. */
export type PlatformsOf = (repository: string, digest: OciDigest) => Promise<readonly string[]>;

const MAX_REMEMBERED = 20_000;
const MAX_DEPTH = 4;

async function readSmallBlob(
  reader: Reader,
  repository: string,
  digest: OciDigest,
): Promise<Buffer | undefined> {
  const blob = await reader.openBlob(repository, digest);
  if (blob === undefined) return undefined;
  const { source, sizeBytes } = blob;
  try {
    if (sizeBytes > MAX_MANIFEST_BYTES) return undefined;
    return await readWholeSource(source);
  } finally {
    source.close();
  }
}

function platformOfConfig(bytes: Buffer): string[] {
  try {
    const text = platformText(PLATFORM.parse(JSON.parse(bytes.toString())));
    return text === '' ? [] : [text];
  } catch {
    // A config is whatever was pushed.
    return [];
  }
}

/** @param reader of what is here: nothing is imported to be listed */
export function createPlatformReader(reader: Reader): PlatformsOf {
  const remembered = new Map<string, readonly string[]>();

  async function look(
    repository: string,
    digest: OciDigest,
    depth: number,
  ): Promise<readonly string[] | undefined> {
    const manifest = await reader.readManifest(repository, { digest });
    if (manifest === undefined || depth > MAX_DEPTH) return undefined;
    const { config, children } = parseManifest(manifest.bytes, manifest.mediaType);
    if (config !== undefined) {
      if (!isImageConfig(config.mediaType)) return [];
      const bytes = await readSmallBlob(reader, repository, config.digest);
      return bytes && platformOfConfig(bytes);
    }
    const found = new Set<string>();
    let isAll = true;
    for (const child of children) {
      if (isAttestation(child)) continue;
      const own = child.platform && platformText(child.platform);
      const all = own ? [own] : await look(repository, child.digest, depth + 1);
      if (all === undefined) isAll = false;
      for (const each of all ?? []) found.add(each);
    }
    return isAll ? [...found] : undefined;
  }

  return async (repository, digest) => {
    const key = formatDigest(digest);
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const found = await look(repository, digest, 0);
    // What is not here may come.
    if (found === undefined) return [];
    const [oldest] = remembered.keys();
    if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    remembered.set(key, found);
    return found;
  };
}
