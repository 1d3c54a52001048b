// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { ManifestError, parseManifest } from '@local-datastore/shared/oci/manifest';
import type { ManifestReference } from '@local-datastore/shared/oci/reference';
import type { UpstreamClient } from '../upstream/upstream-client.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import { listUpstreamReferrers } from '../upstream/upstream-lists.ts';

/** What is about another image: a signature, an SBOM, an attestation. */
export interface AttachedImage {
  readonly reference: ManifestReference;
  /** By which its readers find it; undefined: by what it refers to. */
  readonly tag: string | undefined;
}

type Reader = Pick<UpstreamClient, 'readManifest' | 'resolveTag' | 'readDocument'>;

/** Of cosign, which before the referrers API, and by default still, finds what it wrote by these tags. */
const COSIGN_SUFFIXES = ['sig', 'att', 'sbom'] as const;
/** As the specification shortens digests in its fallback tag ("Referrers Tag Schema"). */
const MAX_TAG_HEX = 64;

const tagOf = ({ algorithm, hex }: OciDigest, suffix = '') =>
  `${algorithm}-${hex.slice(0, MAX_TAG_HEX)}${suffix}`;

const isMissing = (error: unknown) => error instanceof UpstreamError && error.code === 'NOT_FOUND';

async function readFallback(
  client: Reader,
  repository: string,
  digest: OciDigest,
  signal: AbortSignal,
): Promise<AttachedImage[]> {
  try {
    const { bytes, mediaType } = await client.readManifest(repository, { tag: tagOf(digest) }, signal);
    const { children } = parseManifest(bytes, mediaType);
    return children.map((child) => ({ reference: { digest: child.digest }, tag: undefined }));
  } catch (error) {
    if (isMissing(error) || error instanceof ManifestError) return [];
    throw error;
  }
}

async function findTagged(
  client: Reader,
  repository: string,
  tag: string,
  signal: AbortSignal,
): Promise<AttachedImage[]> {
  try {
    await client.resolveTag(repository, tag, signal);
    return [{ reference: { tag }, tag }];
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/**
 * Finds what is attached to a manifest: by the referrers API, where there is none by its fallback tag, and by the tags
 * that cosign writes.
 *
 * @throws UpstreamError
 */
export async function findAttached(
  client: Reader,
  repository: string,
  digest: OciDigest,
  signal: AbortSignal,
): Promise<AttachedImage[]> {
  const listed = await listUpstreamReferrers(client, repository, digest, signal);
  const referrers =
    listed === undefined
      ? await readFallback(client, repository, digest, signal)
      : listed.map((each): AttachedImage => ({ reference: { digest: each.digest }, tag: undefined }));
  const tagged = await Promise.all(
    COSIGN_SUFFIXES.map((suffix) => findTagged(client, repository, tagOf(digest, `.${suffix}`), signal)),
  );
  return [...referrers, ...tagged.flat()];
}

/** How an attached image is called where something is told of it. */
export const attachedName = ({ reference, tag }: AttachedImage): string =>
  tag ?? ('digest' in reference ? formatDigest(reference.digest) : reference.tag);
