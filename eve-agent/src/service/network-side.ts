// SPDX-License-Identifier: Apache-2.0
import type { ProcessStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { AGENT_PRODUCT } from '@local-datastore/shared/http/products';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { watchAnnouncements } from '../discovery/announcements.ts';
import { createLocateOrigin } from '../discovery/locate-origin.ts';
import type { Origin } from '../discovery/origin.ts';
import { createSharedQuerier } from '../discovery/shared-querier.ts';
import { openFlow } from '../network/open-flow.ts';
import type { StepDeps } from '../reconcile/runtime.ts';
import type { OpenImageWay } from '../registry/image-way.ts';
import type { SeparationStatus } from '../sandbox/monitor/separation-status.ts';
import { ONE_ATTEMPT, SOME_ATTEMPTS } from '../transfer/persistence.ts';
import type { Target } from '../transfer/target.ts';
import { createDatastoreAccess } from './datastore-access.ts';
import { createDirectImageWay } from './direct-image-way.ts';
import type { ServiceSettings } from './service-settings.ts';
import { systemDelay } from './system-delay.ts';
import { createSystemLocator, createSystemOpenQuerier, selectSystemBridges } from './system-discovery.ts';

export interface NetworkSideDeps {
  /** Where content of a digest is written; with `maxBytes` it is small, and of that size at most. */
  targetOf(sha256: string, maxBytes?: number): Target;
  /** The file that content of a digest becomes there. */
  pathOf(sha256: string): string;
  readonly log: Log;
}

/** Whose announcements are listened for. */
export interface AwaitedHosts {
  /** In lower case: those that matter at the moment. */
  hosts(): ReadonlySet<string>;
  /** @param hasJustAsked whether a question of ours went out within the last second that it may have answered */
  onSeen(host: string, hasJustAsked: boolean): void;
}

/** What the service has of the network. */
export interface NetworkSide {
  readonly steps: Pick<StepDeps, 'download' | 'resolve' | 'probe'>;
  /** The way to images that are no part of the configuration; `fetchBlob` takes files below the folder of `pathOf`. */
  readonly openImage: OpenImageWay<Origin | null>;
  /** Listens for hosts, and does what the steps need, until the signal is aborted. */
  run(awaited: AwaitedHosts, signal: AbortSignal): Promise<void>;
  /** Where a host on `.local` is. @throws Error it was not found */
  findLocal(host: string, signal: AbortSignal): Promise<string>;
  /** What it does by processes without rights; none: it is all in this one. */
  processes(): readonly ProcessStatus[];
  separation(): SeparationStatus;
}

/**
 * Finds a host on `.local` by a probe for a datastore of that name, of which its address is used alone.
 *
 * @throws (the returned function) what the probe throws; Error where it tells of none
 */
export const createFindLocal =
  (probe: StepDeps['probe']): NetworkSide['findLocal'] =>
  async (host, signal) => {
    const address = await probe(new URL(`http://${host}/`), signal);
    if (address === null) throw new Error(`${host} is not on .local`);
    return address;
  };

/** The network in this process. @param reason why it is not in another one, as a clause */
export function createOwnNetwork(
  { targetOf, log }: NetworkSideDeps,
  settings: ServiceSettings,
  reason: string,
): NetworkSide {
  const querier = createSharedQuerier(createSystemOpenQuerier(log), systemClock);
  const locate = createSystemLocator(log, querier.open);
  const delay = systemDelay;
  const access = createDatastoreAccess({ locate, openFlow, delay }, settings, ONE_ATTEMPT);
  const { stallTimeoutMs, leastRate, proxy, allowsInternalRedirects } = settings.transfer;
  return {
    steps: {
      ...access,
      download: (request, ...rest) =>
        access.download(request, (maxBytes) => targetOf(request.sha256, maxBytes), ...rest),
    },
    openImage: createDirectImageWay(
      {
        ...{ locate: createLocateOrigin(locate, settings.discovery), openFlow, delay },
        ...{ now: Date.now, random: Math.random, clock: systemClock },
      },
      {
        ...SOME_ATTEMPTS,
        ...{ stallTimeoutMs, leastRate, proxy, allowsInternalRedirects },
        userAgent: AGENT_PRODUCT,
      },
    ),
    findLocal: createFindLocal(access.probe),
    processes: () => [],
    separation: () => ({ state: 'off', reason }),
    run: ({ hosts, onSeen }, signal) =>
      watchAnnouncements(
        {
          openQuerier: querier.open,
          selectBridges: () => selectSystemBridges(settings.discovery.bridges),
          hosts,
          onSeen: (host) => onSeen(host, querier.hasJustAsked()),
          clock: systemClock,
          log,
        },
        signal,
      ),
  };
}
