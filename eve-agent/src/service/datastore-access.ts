// SPDX-License-Identifier: Apache-2.0
import { arch } from 'node:os';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { Locate } from '../discovery/locate.ts';
import { createLocateOrigin } from '../discovery/locate-origin.ts';
import { toImageResolution } from '../reconcile/image-resolution.ts';
import type { ContentRequest, StepDeps } from '../reconcile/runtime.ts';
import { hostPlatform } from '../registry/resolve-image.ts';
import { createDownload } from '../transfer/download.ts';
import type { DownloadDeps, DownloadObserver, DownloadResult } from '../transfer/download-request.ts';
import { createPace } from '../transfer/pace.ts';
import type { Persistence } from '../transfer/persistence.ts';
import type { Target } from '../transfer/target.ts';
import { createRegistryAccess, type RegistryAccess } from './registry-access.ts';
import type { ServiceSettings } from './service-settings.ts';

const USER_AGENT = 'eve-agent';

/** How the steps of the service reach datastores and registries. */
export interface DatastoreAccess extends Pick<StepDeps, 'resolve' | 'probe'> {
  /** As `resolve`, with the manifests that lead there. */
  readonly resolveImage: RegistryAccess['resolveImage'];
  /**
   * As the step of that name.
   *
   * @param targetOf where the content is written; with `maxBytes` it is small, and of that size at most
   */
  download(
    request: ContentRequest,
    targetOf: (maxBytes?: number) => Target,
    observer: DownloadObserver,
    signal: AbortSignal,
  ): Promise<DownloadResult>;
}

/** From a URL to the bytes, and how time passes on the way. */
export interface AccessWay extends Pick<DownloadDeps, 'delay' | 'openFlow'> {
  readonly locate: Locate;
}

/** How the steps of the service reach datastores. */
export function createDatastoreAccess(
  { locate, openFlow, delay }: AccessWay,
  { discovery, transfer }: Pick<ServiceSettings, 'discovery' | 'transfer'>,
  persistence: Persistence,
): DatastoreAccess {
  const { bytesPerSecond, stallTimeoutMs, leastRate, proxy, allowsInternalRedirects } = transfer;
  const pace = bytesPerSecond === undefined ? undefined : createPace(bytesPerSecond, systemClock.nowMs);
  const depsFor = (avoidedAddresses: ReadonlySet<string>) => ({
    ...{ locate: createLocateOrigin(locate, discovery, avoidedAddresses), openFlow, delay },
    now: Date.now,
    random: Math.random,
    pace,
    clock: systemClock,
  });
  const options = {
    ...persistence,
    ...{ stallTimeoutMs, leastRate, proxy, allowsInternalRedirects },
    userAgent: USER_AGENT,
  };
  const registries = createRegistryAccess(depsFor, options, hostPlatform(arch()));

  return {
    async probe(url, signal) {
      const located = await locate(url, { ...discovery, signal });
      return located.kind === 'local' ? located.location.address : null;
    },
    resolveImage: registries.resolveImage,
    resolve: async (request, signal) => toImageResolution(await registries.resolveImage(request, signal)),
    async download(request, targetOf, observer, signal) {
      const { registry, sha256, sizeBytes, avoidedAddresses } = request;
      if (registry?.kind === 'manifest') {
        const target = targetOf(sizeBytes ?? 0);
        return await registries.fetchManifest(request, registry, target, observer, signal);
      }
      const download = createDownload(depsFor(avoidedAddresses), options);
      const target = targetOf();
      const digest = digestOfHex(sha256);
      if (registry === null) return await download({ ...request, digest, target }, observer, signal);
      const { current, renew } = registries.authorizationFor(registry.image, request);
      return await download(
        { ...request, digest, target, authorization: current, renewAuthorization: renew },
        observer,
        signal,
      );
    },
  };
}
