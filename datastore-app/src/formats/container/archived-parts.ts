// SPDX-License-Identifier: Apache-2.0
import { PLATFORM } from '@local-datastore/shared/oci/descriptor';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { MAX_MANIFEST_BYTES, parseManifest } from '@local-datastore/shared/oci/manifest';
import { isImageConfig } from '@local-datastore/shared/oci/media-types';
import { platformText } from '@local-datastore/shared/oci/platform';
import * as z from 'zod';
import type { ImageSource } from '../image-source.ts';
import type { ArchivedBlob, ArchivedManifest, ContainerArchive } from './container-archive.ts';

/** What an image of an archive is made of, from where that stands. */
export interface ArchivedParts {
  readonly config: ArchivedBlob;
  readonly layers: readonly ArchivedBlob[];
}

const DIFF_IDS = z.object({ rootfs: z.object({ diff_ids: z.array(z.string()) }) });

/** The config and the layers of an image, from where they stand; undefined for what is no image, or not whole. */
export function partsOf({ blobs }: ContainerArchive, manifest: ArchivedManifest): ArchivedParts | undefined {
  if (manifest.kind === 'described') return { config: manifest.config, layers: manifest.layers };
  const { config, layers } = parseManifest(manifest.bytes, manifest.descriptor.mediaType);
  if (config === undefined || !isImageConfig(config.mediaType)) return undefined;
  const placeOf = (digest: typeof config.digest) =>
    blobs.find(({ expected }) => expected !== undefined && formatDigest(expected) === formatDigest(digest));
  const configPlace = placeOf(config.digest);
  const layerPlaces = layers.map(({ digest }) => placeOf(digest));
  if (configPlace === undefined || layerPlaces.includes(undefined)) return undefined;
  return { config: configPlace, layers: layerPlaces.filter((each) => each !== undefined) };
}

/** What the config of an image says; undefined where it cannot be understood. */
export async function readArchivedConfig(
  readAt: ImageSource['readAt'],
  { offset, sizeBytes }: ArchivedBlob,
): Promise<
  { readonly diffIds: readonly string[] | undefined; readonly platform: string | null } | undefined
> {
  if (sizeBytes > MAX_MANIFEST_BYTES) return undefined;
  let document: unknown;
  try {
    document = JSON.parse((await readAt(offset, sizeBytes)).toString());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const parsed = PLATFORM.safeParse(document).data;
  const platform = parsed === undefined ? '' : platformText(parsed);
  return {
    diffIds: DIFF_IDS.safeParse(document).data?.rootfs.diff_ids,
    platform: platform === '' ? null : platform,
  };
}
