// SPDX-License-Identifier: Apache-2.0
import { createFileTarget, HASH_LANE_BYTES } from '../content/file-target.ts';
import { createHashLanes } from '../content/hash-lanes.ts';
import { createSmallFileTarget } from '../content/small-file-target.ts';
import type { Origin } from '../discovery/origin.ts';
import { createRegistryAuthorization } from '../registry/authorization.ts';
import { createFetchDocument } from '../registry/fetch-document.ts';
import type { OpenImageWay } from '../registry/image-way.ts';
import { createRegistryClient } from '../registry/registry-client.ts';
import { resolveImage } from '../registry/resolve-image.ts';
import { createDownload } from '../transfer/download.ts';
import type { DownloadDeps, DownloadOptions } from '../transfer/download-request.ts';

/** The way to images by this process: it speaks to the registry, hashes and writes. */
export function createDirectImageWay(deps: DownloadDeps, options: DownloadOptions): OpenImageWay<Origin> {
  const fetchDocument = createFetchDocument(deps, options);
  const download = createDownload(deps, options);

  return async ({ image, wish, authorization: given, ca }) => {
    const authorization = createRegistryAuthorization(fetchDocument, {
      ...{ registry: image.registry, repository: image.repository, given, ca },
      allowsInternal: options.allowsInternalRedirects === true,
    });
    const client = createRegistryClient(fetchDocument, { image, authorization, ca });
    const lanes = createHashLanes(HASH_LANE_BYTES);
    return {
      async resolve(signal) {
        const resolved = await resolveImage(client, image, wish, signal);
        return { resolved, place: resolved.manifest.origin };
      },
      fetchBlob({ digest, sizeBytes }, { path, isSmall }, observer, signal) {
        const { algorithm } = digest;
        const target = isSmall
          ? createSmallFileTarget(path, sizeBytes, algorithm)
          : createFileTarget(path, { lanes, algorithm });
        const credential = {
          authorization: authorization.current,
          renewAuthorization: authorization.renew,
        };
        const request = { url: client.blobUrl(digest), target, digest, sizeBytes, ca, ...credential };
        return download(request, observer, signal);
      },
      close: () => lanes.close(),
    };
  };
}
