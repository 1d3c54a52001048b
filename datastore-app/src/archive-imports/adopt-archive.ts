// SPDX-License-Identifier: Apache-2.0
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type { LayoutEntry } from '@local-datastore/shared/oci/layout-entries';
import { ARCHIVES_NAMESPACE } from '../archives/archive-naming.ts';
import type { RegistryReader } from '../archives/archive-registry.ts';
import { ExportError } from '../archives/export-image.ts';
import type { FoundImages } from './archive-image.ts';
import { findLayoutImages } from './layout-images.ts';

const MAX_TAGS = 1000;

/** The name that an archive gets where nobody says another: what stands behind `archives/`. */
export const adoptedName = (repository: string): string => repository.slice(ARCHIVES_NAMESPACE.length + 1);

/**
 * The images of a repository with what refers to them, as an import takes them.
 *
 * @throws ExportError IMAGE_UNKNOWN where there is no such repository
 */
export async function imagesOfRepository(reader: RegistryReader, repository: string): Promise<FoundImages> {
  const tags = await reader.listTags(repository, { limit: MAX_TAGS });
  if (tags === undefined) {
    throw new ExportError('IMAGE_UNKNOWN', `There is no repository ${repository}.`);
  }
  const entries: LayoutEntry[] = [];
  for (const tag of tags.names) {
    const manifest = await reader.statManifest(repository, { tag });
    if (manifest !== undefined) entries.push({ descriptor: manifest, name: tag });
  }
  const content = {
    readManifest: async (digest: OciDigest) => (await reader.readManifest(repository, { digest }))?.bytes,
    referrersOf: async (digest: OciDigest) =>
      (await reader.listReferrers(repository, digest)).map((referrer) => referrer.digest),
  };
  return findLayoutImages(entries, content, []);
}

/** Whether a repository is one of an archive among the images. */
export const isArchiveRepository = (repository: string): boolean =>
  repository.startsWith(`${ARCHIVES_NAMESPACE}/`);
