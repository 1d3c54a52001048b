// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { MAX_MANIFEST_BYTES, ManifestError, type ManifestLinks } from '@local-datastore/shared/oci/manifest';
import { isNondistributable } from '@local-datastore/shared/oci/media-types';
import type { ManifestLinks as StoredLinks } from '../blobs/registry-store.ts';
import { contentOf } from '../http/request-content.ts';
import { RegistryRefusedError } from './registry-refusal.ts';

const tooLarge = () =>
  new ManifestError('MANIFEST_TOO_LARGE', `A manifest has at most ${MAX_MANIFEST_BYTES} bytes.`);

/** How long a manifest may take: the largest at 70 kB a second. */
const MAX_RECEIVE_MS = 60_000;

/**
 * Receives the body of a manifest. What is too large is not read to its end.
 *
 * @throws ManifestError MANIFEST_TOO_LARGE; RegistryRefusedError when it takes too long
 */
export async function receiveManifest(
  request: IncomingMessage,
  response: ServerResponse,
  { limitMs = MAX_RECEIVE_MS }: { readonly limitMs?: number } = {},
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_MANIFEST_BYTES) throw tooLarge();
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  const receive = async () => {
    for await (const piece of contentOf(request, response)) {
      sizeBytes += piece.length;
      if (sizeBytes > MAX_MANIFEST_BYTES) throw tooLarge();
      pieces.push(piece);
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new RegistryRefusedError(408, 'MANIFEST_INVALID', 'The manifest came too slowly.');
    timer = setTimeout(reject, limitMs, error);
  });
  try {
    await Promise.race([receive(), late]);
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(pieces);
}

/**
 * The digest of a manifest.
 *
 * @param wanted the digest that the client names it by
 * @throws RegistryRefusedError DIGEST_INVALID where it is another one
 */
export function digestOfManifest(bytes: Uint8Array, wanted: OciDigest | undefined): OciDigest {
  const digest = contentDigest(bytes, wanted?.algorithm);
  if (wanted === undefined || wanted.hex === digest.hex) return digest;
  throw new RegistryRefusedError(400, 'DIGEST_INVALID', `What was sent is ${formatDigest(digest)}.`, {
    detail: { digest: formatDigest(wanted), sent: formatDigest(digest) },
  });
}

/** What has to stand in the store for a manifest: layers that come from elsewhere need no blob. */
export function storedLinks({ config, layers, children, subject, artifactType }: ManifestLinks): StoredLinks {
  const needed = [...(config === undefined ? [] : [config]), ...layers].filter(
    ({ mediaType }) => !isNondistributable(mediaType),
  );
  return {
    blobs: needed.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })),
    children: children.map(({ digest }) => digest),
    subject: subject?.digest,
    artifactType,
  };
}
