// SPDX-License-Identifier: Apache-2.0
import type { Descriptor, Platform } from '@local-datastore/shared/oci/descriptor';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { isNondistributable } from '@local-datastore/shared/oci/media-types';
import {
  choosePlatform,
  isRunnable,
  listPlatforms,
  normalizePlatform,
  platformText,
  type WantedPlatform,
} from '@local-datastore/shared/oci/platform';
import type { ManifestReference } from '@local-datastore/shared/oci/reference';
import * as z from 'zod';
import { RegistryError } from './errors.ts';
import type { RegistryImage } from './image-reference.ts';
import type { FetchedManifest, Manifest, RegistryClient } from './registry-client.ts';

export interface PlatformWish {
  readonly platform: WantedPlatform;
  /** Whether it was asked for by name; otherwise it is the one of this host, and what runs there will do. */
  readonly isExact: boolean;
}

/** Node's names that are neither Go's nor the kernel's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { ppc64: 'ppc64le', mipsel: 'mipsle' };

/** @param machine as Node names it */
export function hostPlatform(machine: string): PlatformWish {
  const architecture = ARCHITECTURES[machine] ?? machine;
  return { platform: normalizePlatform({ os: 'linux', architecture }), isExact: false };
}

/** What a name leads to: one image, with all that belongs to it. */
export interface ResolvedImage<Document extends Manifest = FetchedManifest> {
  /** What the tag leads to: the manifest itself, or an index of them. */
  readonly digest: OciDigest;
  readonly manifest: Document;
  /** From what the name leads to down to the manifest, each named by the one before. */
  readonly chain: readonly Document[];
  /** As the index states it; null: nobody does. */
  readonly platform: Platform | null;
  /** Configuration and layers, each digest once. */
  readonly blobs: readonly Descriptor[];
}

/** What manifests are read from. */
export interface ManifestSource<Document extends Manifest> extends Pick<RegistryClient, 'readBlob'> {
  /** As that of a {@link RegistryClient}. */
  readManifest(reference: ManifestReference, signal: AbortSignal): Promise<Document>;
}

/** An index of indexes is legal; deeper ones nobody makes. */
const MAX_DEPTH = 4;
/** So many manifests lead to one image at most. */
export const MAX_CHAIN_LENGTH = MAX_DEPTH + 1;
/** Those of images have some kilobytes. */
const MAX_CONFIG_BYTES = 1024 * 1024;
const CONFIG = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  variant: z.string().optional(),
});

const invalid = (message: string) => new RegistryError('MANIFEST_INVALID', message);

function notFor(wanted: WantedPlatform, name: string, there: string): RegistryError {
  const platform = platformText(wanted);
  const message = `${name} has no image for ${platform}; there are: ${there} (--platform)`;
  return new RegistryError('PLATFORM_NOT_FOUND', message, { details: { platform } });
}

/** Each digest once, without what a registry need not have. @throws RegistryError where one has two sizes */
function blobsOf({ links }: Manifest): Descriptor[] {
  const blobs = new Map<string, Descriptor>();
  const layers = links.layers.filter(({ mediaType }) => !isNondistributable(mediaType));
  for (const blob of [...(links.config === undefined ? [] : [links.config]), ...layers]) {
    const text = formatDigest(blob.digest);
    const known = blobs.get(text);
    if (known !== undefined && known.sizeBytes !== blob.sizeBytes)
      throw invalid(`${text} is said to have two sizes`);
    if (known === undefined) blobs.set(text, blob);
  }
  return [...blobs.values()];
}

/**
 * What the configuration of an image says it runs on.
 *
 * @returns null: nothing, as that of an artifact, which is something else
 */
export function platformOfConfig(bytes: Buffer): Platform | null {
  try {
    const { os, architecture, variant } = CONFIG.parse(JSON.parse(bytes.toString()));
    return os && architecture ? { os, architecture, variant } : null;
  } catch {
    return null;
  }
}

/** The configuration, where it is as small as those of images are. */
export function configOf({ links }: Manifest): Descriptor | null {
  const { config } = links;
  return config === undefined || config.sizeBytes > MAX_CONFIG_BYTES ? null : config;
}

async function readPlatform(
  client: Pick<RegistryClient, 'readBlob'>,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<Platform | null> {
  const config = configOf(manifest);
  if (config === null) return null;
  return platformOfConfig(await client.readBlob(config.digest, config.sizeBytes, signal));
}

/**
 * Finds the one image that a name leads to on a platform.
 *
 * @throws RegistryError; ContentError; what the client throws
 */
export async function resolveImage<Document extends Manifest>(
  client: ManifestSource<Document>,
  image: Pick<RegistryImage, 'name' | 'tag' | 'digest'>,
  wish: PlatformWish,
  signal: AbortSignal,
): Promise<ResolvedImage<Document>> {
  const reference = image.digest === null ? { tag: image.tag ?? '' } : { digest: image.digest };
  const first = await client.readManifest(reference, signal);
  const chain = [first];
  let manifest = first;
  let platform: Platform | null = null;
  for (let depth = 0; manifest.links.kind === 'index'; depth += 1) {
    if (depth >= MAX_DEPTH)
      throw invalid(`${image.name} is an index of indexes, more than ${MAX_DEPTH} deep`);
    const { children } = manifest.links;
    const chosen = choosePlatform(children, wish.platform, wish.isExact);
    if (chosen === undefined) throw notFor(wish.platform, image.name, listPlatforms(children));
    manifest = await client.readManifest({ digest: chosen.digest }, signal);
    chain.push(manifest);
    if (manifest.bytes.length !== chosen.sizeBytes) {
      throw invalid(
        `${formatDigest(chosen.digest)} has ${manifest.bytes.length} bytes, not ${chosen.sizeBytes}`,
      );
    }
    platform = chosen.platform ?? platform;
  }
  if (platform === null && wish.isExact) {
    platform = await readPlatform(client, manifest, signal);
    if (platform !== null && !isRunnable(platform, wish.platform, true)) {
      throw notFor(wish.platform, image.name, platformText(platform));
    }
  }
  return { digest: first.digest, manifest, chain, platform, blobs: blobsOf(manifest) };
}
