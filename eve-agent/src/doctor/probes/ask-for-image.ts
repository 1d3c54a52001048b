// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { CodedError } from '@local-datastore/shared/errors';
import { DOCTOR_PRODUCT } from '@local-datastore/shared/http/products';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { platformText } from '@local-datastore/shared/oci/platform';
import { isTag } from '@local-datastore/shared/oci/reference';
import { createRegistryAuthorization } from '../../registry/authorization.ts';
import { createFetchDocument } from '../../registry/fetch-document.ts';
import type { RegistryImage } from '../../registry/image-reference.ts';
import { createRegistryClient, type RegistryClient } from '../../registry/registry-client.ts';
import { type PlatformWish, type ResolvedImage, resolveImage } from '../../registry/resolve-image.ts';
import { readTagList } from '../../registry/tag-list.ts';
import type { ImageOutcome } from '../observations.ts';
import type { AskDeps } from './ask-for-file.ts';
import { RETRY_DELAYS_MS } from './fetch-as-download.ts';

/** An image that the doctor is asked about. */
export interface ImageQuestion {
  readonly image: RegistryImage;
  readonly wish: PlatformWish;
}

export interface ImageRequest extends ImageQuestion {
  readonly authorization: string | null;
  /** PEM. */
  readonly ca: string | null;
  readonly signal: AbortSignal;
}

/** The blob that stands for all: the largest one. */
export interface BlobToAsk {
  readonly url: URL;
  readonly digest: OciDigest;
  readonly sizeBytes: number;
  /** What the registry was shown in the end. */
  readonly authorization: string | null;
}

export interface ImageDeps extends AskDeps {
  readonly clock?: Clock;
  /** Whether TLS is spoken where the registry was asked without. */
  speaksTls(): Promise<boolean>;
}

const STALL_TIMEOUT_MS = 20_000;
/** As many as a person reads. */
const MAX_TAGS = 20;
/** What breaks off where a handshake is waited for. */
const BROKEN_OFF = new Set(['CONNECTION_LOST', 'CONNECTION_FAILED', 'RESPONSE_INVALID', 'STALLED']);

/** The first tags of a repository; null: it is not there, or not shown. */
async function listTags(client: RegistryClient, signal: AbortSignal): Promise<readonly string[] | null> {
  try {
    const { bytes } = await client.readList('tags', 'list', { n: String(MAX_TAGS) }, signal);
    return readTagList(bytes).filter(isTag).slice(0, MAX_TAGS);
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

function describeImage({ digest, manifest, platform, blobs }: ResolvedImage): ImageOutcome {
  return {
    kind: 'resolved',
    digest: formatDigest(digest),
    manifestDigest: formatDigest(manifest.digest),
    platform: platform === null ? null : platformText(platform),
    blobs: blobs.length,
    sizeBytes: blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/**
 * Finds out what a name leads to, as a pull does: with a token where one is wanted, through an index to the manifest.
 *
 * @returns with the blob that is to be asked for; null: there is none
 * @throws the signal's reason
 */
export async function askForImage(
  deps: ImageDeps,
  { image, wish, authorization: given, ca, signal }: ImageRequest,
): Promise<{ readonly outcome: ImageOutcome; readonly blob: BlobToAsk | null }> {
  const fetchDocument = createFetchDocument(
    { ...deps, random: () => 0 },
    {
      retry: { maxFailures: 1, maxDelayMs: RETRY_DELAYS_MS[0] as number },
      ...{ stallTimeoutMs: STALL_TIMEOUT_MS, userAgent: DOCTOR_PRODUCT },
    },
  );
  const authorization = createRegistryAuthorization(fetchDocument, {
    ...{ registry: image.registry, repository: image.repository, given, ca, allowsInternal: false },
  });
  const client = createRegistryClient(fetchDocument, { image, authorization, ca });
  try {
    const resolved = await resolveImage(client, image, wish, signal);
    const [largest] = resolved.blobs.toSorted((left, right) => right.sizeBytes - left.sizeBytes);
    const blob = largest && {
      url: client.blobUrl(largest.digest),
      ...{ digest: largest.digest, sizeBytes: largest.sizeBytes },
      authorization: authorization.current,
    };
    return { outcome: describeImage(resolved), blob: blob ?? null };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CodedError)) throw error;
    const { message, code, details } = error;
    const isPlain = image.registry.protocol === 'http:';
    const isTagWrong = code === 'IMAGE_NOT_FOUND' && image.digest === null;
    const outcome: ImageOutcome = {
      ...{ kind: 'failed', message, code },
      statusCode: typeof details.statusCode === 'number' ? details.statusCode : null,
      tags: isTagWrong ? await listTags(client, signal) : null,
      speaksTls: isPlain && BROKEN_OFF.has(code) && (await deps.speaksTls()),
    };
    return { outcome, blob: null };
  }
}
