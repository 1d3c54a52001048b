// SPDX-License-Identifier: Apache-2.0
import { formatDigest } from '@local-datastore/shared/oci/digest';
import type { Member } from '../file-format.ts';
import type { ImageSource } from '../image-source.ts';
import { tarContentOf } from '../tar-content.ts';
import { partsOf, readArchivedConfig } from './archived-parts.ts';
import { ArchiveError, type ContainerArchive, readContainerArchive } from './container-archive.ts';

/** The images of a container archive; none where it is compressed, or not whole: a validation says why. */
export async function listArchivedImages(source: ImageSource): Promise<readonly Member[]> {
  if ((await tarContentOf(source))?.isCompressed !== false) return [];
  let archive: ContainerArchive | undefined;
  try {
    archive = await readContainerArchive(source.readAt, source.sizeBytes);
  } catch (error) {
    if (error instanceof ArchiveError) return [];
    throw error;
  }
  const members: Member[] = [];
  const named = archive?.images ?? [];
  const inner = (archive?.children ?? []).map((manifest) => ({ names: [], manifest }));
  for (const { names, manifest } of archive === undefined ? [] : [...named, ...inner]) {
    const parts = archive && partsOf(archive, manifest);
    const config = parts && (await readArchivedConfig(source.readAt, parts.config));
    // An index, or an artifact: what it leads to stands beside it.
    if (parts === undefined && names.length === 0) continue;
    members.push({
      ...{ kind: 'image', names, platform: config?.platform ?? null },
      layers: (parts?.layers ?? []).map(({ expected, sizeBytes }, index) => ({
        digest: expected === undefined ? null : formatDigest(expected),
        diffId: config?.diffIds?.[index] ?? null,
        sizeBytes,
      })),
    });
  }
  return members;
}
