// SPDX-License-Identifier: Apache-2.0
import { arch } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { Locate } from '../discovery/locate.ts';
import { createLocateOrigin } from '../discovery/locate-origin.ts';
import { toImageResolution } from '../reconcile/image-resolution.ts';
import type { StepDeps } from '../reconcile/runtime.ts';
import { hostPlatform } from '../registry/resolve-image.ts';
import { createDownload } from '../transfer/download.ts';
import type { OpenFlow } from '../transfer/flow.ts';
import { createPace } from '../transfer/pace.ts';
import type { Target } from '../transfer/target.ts';
import { createRegistryAccess, type RegistryAccess } from './registry-access.ts';
import type { ServiceSettings } from './service-settings.ts';

const USER_AGENT = 'eve-agent';

/** How the steps of the service reach datastores and registries. */
export interface DatastoreAccess extends Pick<StepDeps, 'download' | 'resolve' | 'probe'> {
  /** As `resolve`, with the manifests that lead there. */
  readonly resolveImage: RegistryAccess['resolveImage'];
}

/**
 * How the steps of the service reach datastores.
 *
 * @param targetOf where content of a digest is written; with `maxBytes` it is small, and of that size at most
 */
export function createDatastoreAccess(
  { locate, openFlow }: { readonly locate: Locate; readonly openFlow: OpenFlow },
  targetOf: (sha256: string, maxBytes?: number) => Target,
  { discovery, transfer }: Pick<ServiceSettings, 'discovery' | 'transfer'>,
): DatastoreAccess {
  const { bytesPerSecond, stallTimeoutMs, leastRate, proxy, allowsInternalRedirects } = transfer;
  const pace = bytesPerSecond === undefined ? undefined : createPace(bytesPerSecond, systemClock.nowMs);
  const depsFor = (avoidedAddresses: ReadonlySet<string>) => ({
    ...{ locate: createLocateOrigin(locate, discovery, avoidedAddresses), openFlow },
    delay: (delayMs: number, until: AbortSignal) => wait(delayMs, undefined, { signal: until }),
    now: Date.now,
    random: Math.random,
    pace,
    clock: systemClock,
  });
  const options = {
    // Every failure is planned around: another datastore may be next.
    retry: { maxFailures: 0, maxDelayMs: 0 },
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
    async download(request, observer, signal) {
      const { registry, sha256, sizeBytes, avoidedAddresses } = request;
      if (registry?.kind === 'manifest') {
        const target = targetOf(sha256, sizeBytes ?? 0);
        return await registries.fetchManifest(request, registry, target, observer, signal);
      }
      const download = createDownload(depsFor(avoidedAddresses), options);
      const target = targetOf(sha256);
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
