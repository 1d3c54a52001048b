// SPDX-License-Identifier: Apache-2.0
import { PLATFORM } from '@local-datastore/shared/oci/descriptor';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { DOCKER_CONFIG, OCI_CONFIG } from '@local-datastore/shared/oci/media-types';
import { isRunnable, platformText, type WantedPlatform } from '@local-datastore/shared/oci/platform';
import type { Registry } from '../blobs/open-registry.ts';
import { RegistryError } from '../blobs/registry-error.ts';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { type FoundImage, ImageFailure } from './archive-image.ts';
import type { NamedImage } from './import-names.ts';
import type { ImportCaller } from './import-staging.ts';

export interface PlaceableDeps {
  readonly registry: Pick<Registry, 'recordOf'>;
  readonly shown: Pick<RegistryStore, 'mountBlob'>;
}

/**
 * Whether an image may get its name: before anything of it is named, and so of a set before any of it is.
 *
 * @throws ImageFailure, RegistryError
 */
export async function requirePlaceable(
  { registry, shown }: PlaceableDeps,
  { image, repository, tags }: NamedImage,
  { may }: ImportCaller,
): Promise<void> {
  const denied = tags.find((tag) => !may('push', repository, tag));
  if (denied !== undefined) {
    throw new ImageFailure('DENIED', `What is asked for is not granted: to push ${repository}:${denied}.`);
  }
  const { digest } = image.root;
  // It changes nothing, and is refused where nothing can be pushed.
  await shown.mountBlob(digest, { from: repository, to: repository, mayPull: () => false });
  const there = registry.recordOf(repository)?.tags;
  const released = tags.find((tag) => {
    const known = there?.get(tag);
    return known?.isReleased === true && known.digest !== formatDigest(digest);
  });
  if (released === undefined) return;
  throw new RegistryError(
    'TAG_RELEASED',
    `The tag ${released} of ${repository} was released, and stays as it is.`,
  );
}

/**
 * Whether an image that is for one platform is for one of those that are wanted, as far as its own word goes.
 *
 * @param readBlob reads a small blob that is at hand
 * @throws ImageFailure PLATFORM_UNKNOWN
 */
export async function requirePlatform(
  { root }: FoundImage,
  platforms: readonly WantedPlatform[],
  readBlob: (digest: OciDigest) => Promise<Buffer | undefined>,
): Promise<void> {
  const { kind, config } = parseManifest(root.bytes, root.mediaType);
  const isImage = config?.mediaType === OCI_CONFIG || config?.mediaType === DOCKER_CONFIG;
  if (platforms.length === 0 || kind === 'index' || config === undefined || !isImage) return;
  const bytes = await readBlob(config.digest);
  let document: unknown;
  try {
    document = JSON.parse(String(bytes));
  } catch {
    return;
  }
  const own = PLATFORM.safeParse(document).data;
  if (own === undefined || own.architecture === '') return;
  if (platforms.some((wanted) => isRunnable(own, wanted, true))) return;
  throw new ImageFailure('PLATFORM_UNKNOWN', `It is for ${platformText(own)} alone.`);
}
