// SPDX-License-Identifier: Apache-2.0
import type { Descriptor } from '@local-datastore/shared/oci/descriptor';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import { type ManifestLinks, parseManifest } from '@local-datastore/shared/oci/manifest';
import {
  choosePlatform,
  isAttestation,
  listPlatforms,
  platformText,
  type WantedPlatform,
} from '@local-datastore/shared/oci/platform';
import type { ManifestReference } from '@local-datastore/shared/oci/reference';
import type { RegistryStore } from '../blobs/registry-store.ts';
import type { UpstreamClient } from '../upstream/upstream-client.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';

/** A manifest, and what it says. */
export interface TreeManifest extends ManifestDocument {
  readonly links: ManifestLinks;
}

export interface TreeReaderDeps {
  readonly client: Pick<UpstreamClient, 'readManifest' | 'resolveTag'>;
  readonly store: Pick<RegistryStore, 'readManifest'>;
  /** Hears what a person should know. */
  note(sentence: string): void;
}

export interface TreeWish {
  /** As the upstream calls it. */
  readonly upstreamRepository: string;
  /** As it is called here. */
  readonly repository: string;
  readonly reference: ManifestReference;
  /** None: all. */
  readonly platforms: readonly WantedPlatform[];
}

/** All manifests of one image are kept until they are stored: so much memory they take. */
const MAX_TREE_BYTES = 16 * 1024 * 1024;
const MAX_MANIFESTS = 2000;
/** Of indexes within indexes. */
const MAX_DEPTH = 4;

/** By it BuildKit says which image of the index an attestation is about. */
const ATTESTED = 'vnd.docker.reference.digest';

/**
 * Which manifests of an index are wanted: the best for each platform, with what attests them.
 *
 * @throws UpstreamError NOT_FOUND where there is none for a platform
 */
export function wantedChildren(
  children: readonly Descriptor[],
  platforms: readonly WantedPlatform[],
): readonly Descriptor[] {
  if (platforms.length === 0) return children;
  const chosen = platforms.map((platform) => {
    const found = choosePlatform(children, platform, true);
    if (found !== undefined) return found;
    throw new UpstreamError(
      'NOT_FOUND',
      `there is no image for ${platformText(platform)}; there are: ${listPlatforms(children)}`,
    );
  });
  const digests = new Set(chosen.map(({ digest }) => formatDigest(digest)));
  const attestations = children.filter(
    (each) => isAttestation(each) && digests.has(each.annotations?.[ATTESTED] ?? ''),
  );
  return [...new Set([...chosen, ...attestations])];
}

/**
 * Reads the manifests of an image, each once; what is here already is not asked for again.
 *
 * @returns those that an index leads to before it: in this order they can be stored
 * @throws UpstreamError; ManifestError
 */
export async function readTree(
  { client, store, note }: TreeReaderDeps,
  wish: TreeWish,
  signal: AbortSignal,
): Promise<readonly TreeManifest[]> {
  const { upstreamRepository, repository, platforms } = wish;
  const found = new Map<string, TreeManifest>();
  const seen = new Set<string>();
  let bytes = 0;

  async function readOne(reference: ManifestReference): Promise<ManifestDocument> {
    if ('tag' in reference) {
      // A look costs nothing where what it leads to is here.
      const digest = await client.resolveTag(upstreamRepository, reference.tag, signal);
      if (digest !== undefined) return readOne({ digest });
      return client.readManifest(upstreamRepository, reference, signal);
    }
    const here = await store.readManifest(repository, reference);
    return here ?? client.readManifest(upstreamRepository, reference, signal);
  }

  async function visit(document: ManifestDocument, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) {
      throw new UpstreamError('INVALID', `indexes lie more than ${MAX_DEPTH} deep in each other`);
    }
    const text = formatDigest(document.digest);
    seen.add(text);
    bytes += document.bytes.length;
    if (bytes > MAX_TREE_BYTES || seen.size > MAX_MANIFESTS) {
      throw new UpstreamError('INVALID', 'its manifests are too many, or too large together');
    }
    const links = parseManifest(document.bytes, document.mediaType);
    const children = links.kind === 'index' ? wantedChildren(links.children, platforms) : [];
    for (const child of children) await visitChild(child, depth + 1);
    found.set(text, { ...document, links });
  }

  async function visitChild({ digest, platform }: Descriptor, depth: number): Promise<void> {
    if (seen.has(formatDigest(digest))) return;
    let document: ManifestDocument;
    try {
      document = await readOne({ digest });
    } catch (error) {
      const isMissing = error instanceof UpstreamError && error.code === 'NOT_FOUND';
      // An index may be sparse there, as it may here; what was asked for by name must be there.
      if (!isMissing || platforms.length > 0) throw error;
      const what = (platform && platformText(platform)) || formatDigest(digest);
      note(`The index names ${what}, which the registry does not have.`);
      return;
    }
    await visit(document, depth);
  }

  await visit(await readOne(wish.reference), 0);
  return [...found.values()];
}

/** The manifest that a tree was read for. */
export function topOf(tree: readonly TreeManifest[]): TreeManifest {
  const top = tree.at(-1);
  if (top === undefined) throw new Error('a tree has a top');
  return top;
}

export const isSameDigest = (one: OciDigest, other: OciDigest): boolean =>
  formatDigest(one) === formatDigest(other);
