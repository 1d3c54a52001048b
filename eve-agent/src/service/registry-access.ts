// SPDX-License-Identifier: Apache-2.0
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import type { RegistryContent } from '../reconcile/registry-place.ts';
import type { ContentRequest, ResolveRequest } from '../reconcile/runtime.ts';
import { createRegistryAuthorization, type RegistryAuthorization } from '../registry/authorization.ts';
import { createFetchDocument, type DocumentDeps, type DocumentOptions } from '../registry/fetch-document.ts';
import type { RegistryImage } from '../registry/image-reference.ts';
import { createRegistryClient, type FetchedManifest } from '../registry/registry-client.ts';
import { type PlatformWish, type ResolvedImage, resolveImage } from '../registry/resolve-image.ts';
import type { DownloadObserver, DownloadResult } from '../transfer/download-request.ts';
import { ContentError } from '../transfer/errors.ts';
import type { Target } from '../transfer/target.ts';

/** More repositories than a device needs images of; beyond, a token is asked for again. */
const MAX_AUTHORIZATIONS = 200;

type Credential = Pick<ContentRequest, 'authorization' | 'ca' | 'avoidedAddresses'>;

/** How the steps of the service speak to container registries. */
export interface RegistryAccess {
  resolveImage(request: ResolveRequest, signal: AbortSignal): Promise<ResolvedImage>;
  /** A manifest by its digest, into a target. */
  fetchManifest(
    request: ContentRequest,
    content: Extract<RegistryContent, { kind: 'manifest' }>,
    target: Target,
    observer: DownloadObserver,
    signal: AbortSignal,
  ): Promise<DownloadResult>;
  /** What a registry is shown for an image: the same for all of its blobs, so that a token is asked for once. */
  authorizationFor(image: RegistryImage, credential: Credential): RegistryAuthorization;
}

/** @param depsFor the way there, apart from addresses that served wrong bytes */
export function createRegistryAccess(
  depsFor: (avoidedAddresses: ReadonlySet<string>) => DocumentDeps,
  options: DocumentOptions,
  wish: PlatformWish,
): RegistryAccess {
  const authorizations = new Map<string, RegistryAuthorization>();
  const fetcherOf = ({ avoidedAddresses }: Pick<Credential, 'avoidedAddresses'>) =>
    createFetchDocument(depsFor(avoidedAddresses), options);

  function authorizationFor(image: RegistryImage, credential: Credential): RegistryAuthorization {
    const { registry, repository } = image;
    const { authorization: given, ca } = credential;
    const key = JSON.stringify([registry.href, repository, given, ca]);
    const known = authorizations.get(key);
    if (known !== undefined) return known;
    const made = createRegistryAuthorization(fetcherOf(credential), {
      ...{ registry, repository, given, ca },
      allowsInternal: options.allowsInternalRedirects === true,
    });
    const [oldest] = authorizations.keys();
    if (authorizations.size >= MAX_AUTHORIZATIONS && oldest !== undefined) authorizations.delete(oldest);
    authorizations.set(key, made);
    return made;
  }
  const clientOf = (image: RegistryImage, credential: Credential) =>
    createRegistryClient(fetcherOf(credential), {
      ...{ image, ca: credential.ca },
      authorization: authorizationFor(image, credential),
    });

  return {
    authorizationFor,
    async resolveImage(request, signal) {
      const { image } = request;
      return await resolveImage(clientOf(image, request), image, wish, signal);
    },
    async fetchManifest(request, { image, digest }, target, { onEvent, onProgress }, signal) {
      const manifest = await clientOf(image, request).readManifest({ digest }, signal);
      const { bytes, origin } = manifest;
      onEvent({ kind: 'located', origin });
      onEvent({ kind: 'receiving', fromBytes: 0, totalBytes: bytes.length });
      onProgress(bytes.length);
      onEvent({ kind: 'verifying' });
      await writeManifest(manifest, request.sha256, target);
      return {
        ...{ sizeBytes: bytes.length, digest: digestOfHex(request.sha256), origin },
        ...{ receivedBytes: bytes.length, resumedFromBytes: 0, attempts: 1 },
        verifiedAgainst: 'request',
      };
    },
  };
}

/** @throws ContentError; what the target throws */
async function writeManifest({ bytes }: FetchedManifest, sha256: string, target: Target): Promise<void> {
  const open = await target.open();
  try {
    await open.restart();
    await open.requireSpace(bytes.length);
    open.take(bytes);
    const verdict = await open.publish({ sizeBytes: bytes.length, digest: digestOfHex(sha256) });
    if (verdict.kind === 'accepted') return;
    throw new ContentError('DIGEST_MISMATCH', `the manifest as it came has not the sha256 ${sha256}`);
  } finally {
    await open.close();
  }
}
