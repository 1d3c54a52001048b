// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { StoreError } from '../content/store-error.ts';
import { storedLinks } from '../registry/manifest-content.ts';
import type { UpstreamClient } from '../upstream/upstream-client.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import { type AttachedImage, attachedName, findAttached } from './attached-images.ts';
import { type BringBlobsDeps, bringBlobs } from './bring-blobs.ts';
import { isSameDigest, readTree, type TreeManifest, type TreeWish, topOf } from './manifest-tree.ts';

export interface ImportImageDeps extends BringBlobsDeps {
  readonly client: UpstreamClient;
  readonly store: Pick<RegistryStore, 'readManifest' | 'putManifest' | 'statBlob' | 'mountBlob'>;
}

export interface ImageWish extends TreeWish {
  /** It leads to the image in the end; undefined: the image is had by its digest. */
  readonly tag: string | undefined;
  /** For the record. */
  readonly by: string;
  readonly mayShare: boolean;
}

/** Signatures of signatures of SBOMs: nobody goes further. */
const MAX_ATTACHED_DEPTH = 3;
/** Of one image with all that is attached to what is attached. */
const MAX_ATTACHED = 1000;

/** Whether the import as a whole has to end by an error of something that only comes along. */
const endsAll = (error: unknown): boolean =>
  !(error instanceof CodedError) ||
  (error instanceof UpstreamError && error.retryable) ||
  (error instanceof StoreError && (error.code === 'NO_SPACE' || error.code === 'QUOTA_EXCEEDED'));

/**
 * Imports an image as a whole: its manifests and blobs, what is attached to it, and in the end its tag, so that whoever
 * finds the tag finds everything. What is here already is not asked for again.
 *
 * @returns the digest of its manifest, or of its index
 * @throws UpstreamError, ManifestError, StoreError, RegistryError; the signal's reason
 */
export async function importImage(
  deps: ImportImageDeps,
  wish: ImageWish,
  signal: AbortSignal,
): Promise<OciDigest> {
  const { client, store, progress } = deps;
  const { upstreamRepository, repository, by } = wish;
  const reading = { client, store, note: progress.note };
  const attached = new Set<string>();

  async function storeTree(tree: readonly TreeManifest[]): Promise<void> {
    for (const { digest, mediaType, bytes, links } of tree) {
      const stored = storedLinks(links);
      await bringBlobs(deps, wish, stored.blobs, signal);
      await store.putManifest(repository, { ...{ digest, mediaType, bytes, by, tags: [] }, ...stored });
    }
  }

  async function setTag({ digest, mediaType, bytes, links }: TreeManifest, tag: string): Promise<void> {
    const manifest = { digest, mediaType, bytes, by, tags: [tag] };
    await store.putManifest(repository, { ...manifest, ...storedLinks(links) });
  }

  async function importAttached(image: AttachedImage, subject: OciDigest, depth: number): Promise<void> {
    progress.step = `what is attached: ${attachedName(image)}`;
    const { reference, tag } = image;
    const tree = await readTree(
      reading,
      { upstreamRepository, repository, reference, platforms: [] },
      signal,
    );
    const top = topOf(tree);
    const isAbout = top.links.subject !== undefined && isSameDigest(top.links.subject.digest, subject);
    if (tag === undefined && !isAbout) {
      progress.note(`${attachedName(image)} is listed as attached, and refers to something else: left out.`);
      return;
    }
    await storeTree(tree);
    for (const { digest } of tree) await attach(digest, depth + 1);
    if (tag !== undefined) await setTag(top, tag);
  }

  /** Takes along what is attached to a manifest. One that cannot be had stops no other. */
  async function attach(digest: OciDigest, depth: number): Promise<void> {
    if (depth > MAX_ATTACHED_DEPTH) return;
    let images: AttachedImage[];
    try {
      images = await findAttached(client, upstreamRepository, digest, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (endsAll(error)) throw error;
      progress.note(`What is attached to ${formatDigest(digest)} is not known: ${(error as Error).message}`);
      return;
    }
    for (const image of images) {
      const name = attachedName(image);
      if (attached.has(name)) continue;
      if (attached.size >= MAX_ATTACHED) {
        progress.note(`More than ${MAX_ATTACHED} images are attached: the rest was left out.`);
        return;
      }
      attached.add(name);
      try {
        await importAttached(image, digest, depth);
      } catch (error) {
        signal.throwIfAborted();
        if (endsAll(error)) throw error;
        progress.note(`${name} is attached, and cannot be had: ${(error as Error).message}`);
      }
    }
  }

  progress.step = 'manifests';
  const tree = await readTree(reading, wish, signal);
  // The whole of it is known before the first byte comes.
  for (const { links } of tree) {
    for (const { digest, sizeBytes } of storedLinks(links).blobs)
      progress.setBlob(digest, sizeBytes, 'waiting');
  }
  progress.step = 'blobs';
  await storeTree(tree);
  for (const { digest } of tree) await attach(digest, 1);
  const top = topOf(tree);
  signal.throwIfAborted();
  if (wish.tag !== undefined) await setTag(top, wish.tag);
  return top.digest;
}
