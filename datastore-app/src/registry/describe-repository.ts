import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { DOCKER_CONFIG, OCI_CONFIG } from '@local-datastore/shared/oci/media-types';
import { isAttestation, platformText } from '@local-datastore/shared/oci/platform';
import * as z from 'zod';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { createSourceReader } from '../content/byte-source.ts';

/** What a tag leads to, for people. */
export interface DescribedTag {
  readonly tag: string;
  /** Such as `sha256:…`. */
  readonly digest: string;
  readonly mediaType: string;
  /** `artifact`: no container image, whatever it is. */
  readonly kind: 'image' | 'index' | 'artifact';
  /** Of an artifact. */
  readonly artifactType: string | null;
  /** Of everything that it leads to and that is known here, each once. */
  readonly sizeBytes: number;
  /** Such as `linux/arm64`; attestations are left out. */
  readonly platforms: readonly string[];
}

/** What of a store is needed to describe what it has. */
export type DescribableStore = Pick<RegistryStore, 'listTags' | 'readManifest' | 'openBlob'>;

const CONFIG_TYPES = new Set<string>([OCI_CONFIG, DOCKER_CONFIG]);
/** Those of images have some kilobytes. */
const MAX_CONFIG_BYTES = 1024 * 1024;
/** An index of indexes is as deep as anybody goes. */
const MAX_DEPTH = 4;
const MAX_TAGS = 1000;
const CONFIG = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  variant: z.string().optional(),
});

/** A small blob; undefined: it is not here, or cannot be read. */
async function readBlob(
  store: DescribableStore,
  repository: string,
  digest: OciDigest,
): Promise<Buffer | undefined> {
  const blob = await store.openBlob(repository, digest);
  if (blob === undefined) return undefined;
  const piece = Buffer.alloc(blob.sizeBytes);
  const error = await new Promise<Error | null>((resolve) => {
    createSourceReader(blob.source).fill(piece, 0, resolve);
  });
  blob.source.close();
  return error === null ? piece : undefined;
}

/** The platform that the config of an image states; none where it states nothing, or is not here. */
async function platformOf(
  store: DescribableStore,
  repository: string,
  manifest: ManifestDocument,
): Promise<string[]> {
  const { config } = parseManifest(manifest.bytes, manifest.mediaType);
  if (config === undefined || !CONFIG_TYPES.has(config.mediaType) || config.sizeBytes > MAX_CONFIG_BYTES) {
    return [];
  }
  const bytes = await readBlob(store, repository, config.digest);
  try {
    const { os, architecture, variant } = CONFIG.parse(JSON.parse(bytes?.toString() ?? ''));
    return os && architecture ? [platformText({ os, architecture, variant })] : [];
  } catch {
    return [];
  }
}

/** Sizes by digest of all that a manifest leads to. */
async function addSizes(
  store: DescribableStore,
  repository: string,
  { digest, mediaType, bytes }: ManifestDocument,
  sizes: Map<string, number>,
  depth = 0,
): Promise<void> {
  if (sizes.has(formatDigest(digest)) || depth > MAX_DEPTH) return;
  sizes.set(formatDigest(digest), bytes.length);
  const { config, layers, children } = parseManifest(bytes, mediaType);
  for (const each of config === undefined ? layers : [config, ...layers]) {
    sizes.set(formatDigest(each.digest), each.sizeBytes);
  }
  for (const child of children) {
    const there = await store.readManifest(repository, { digest: child.digest });
    if (there !== undefined) await addSizes(store, repository, there, sizes, depth + 1);
  }
}

async function describeTag(
  store: DescribableStore,
  repository: string,
  tag: string,
): Promise<DescribedTag | undefined> {
  const manifest = await store.readManifest(repository, { tag });
  if (manifest === undefined) return undefined;
  const { kind, config, children, artifactType } = parseManifest(manifest.bytes, manifest.mediaType);
  const isImage = config !== undefined && CONFIG_TYPES.has(config.mediaType);
  const sizes = new Map<string, number>();
  await addSizes(store, repository, manifest, sizes);
  const stated = children.filter((child) => !isAttestation(child)).flatMap(({ platform }) => platform ?? []);
  return {
    tag,
    digest: formatDigest(manifest.digest),
    mediaType: manifest.mediaType,
    kind: kind === 'index' ? 'index' : isImage ? 'image' : 'artifact',
    artifactType: isImage || kind === 'index' ? null : (artifactType ?? null),
    sizeBytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    platforms:
      kind === 'index'
        ? [...new Set(stated.map(platformText))]
        : await platformOf(store, repository, manifest),
  };
}

/**
 * The tags of a repository with what they lead to; the first thousand.
 *
 * @returns undefined where there is no such repository
 */
export async function describeRepository(
  store: DescribableStore,
  repository: string,
  isVisible: (tag: string) => boolean,
): Promise<readonly DescribedTag[] | undefined> {
  const page = await store.listTags(repository, { limit: MAX_TAGS });
  if (page === undefined) return undefined;
  const tags: DescribedTag[] = [];
  for (const tag of page.names.filter(isVisible)) {
    const described = await describeTag(store, repository, tag);
    if (described !== undefined) tags.push(described);
  }
  return tags;
}
