// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { type Service, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import type { Bridge } from './bridges.ts';
import type { OpenQuerier, PacketCounts } from './querier.ts';
import { startQuerySchedule } from './query-schedule.ts';
import { createServiceCache, type ServiceInstance } from './service-cache.ts';

export interface BrowseRequest {
  readonly services: readonly Service[];
  readonly bridges: readonly Bridge[];
  /** How long to listen: there is no telling whether everybody has answered. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface BrowseResult {
  readonly instances: readonly ServiceInstance[];
  readonly packets: PacketCounts;
}

export type Browse = (request: BrowseRequest) => Promise<BrowseResult>;

/**
 * Makes the listing of all instances of services on the bridges (RFC 6763 §4).
 *
 * @throws (the returned function) DiscoveryError `MDNS_UNAVAILABLE`; the signal's reason
 */
export function createBrowse({ openQuerier, clock }: { openQuerier: OpenQuerier; clock: Clock }): Browse {
  return async ({ services, bridges, timeoutMs, signal }) => {
    signal.throwIfAborted();
    const querier = await openQuerier(bridges);
    const cache = createServiceCache(querier.bridges, services);
    const cleanUps: (() => void)[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => reject(signal.reason);
        signal.addEventListener('abort', onAbort);
        cleanUps.push(() => signal.removeEventListener('abort', onAbort));
        if (signal.aborted) onAbort();

        querier.onResponse((response) => cache.add(response));
        cleanUps.push(clock.after(timeoutMs, resolve));
        cleanUps.push(
          startQuerySchedule(clock, (round) => {
            for (const bridge of querier.bridges) {
              const missing = cache.missing(bridge);
              if (missing.length > 0) querier.ask(bridge, { questions: missing });
              querier.ask(bridge, {
                questions: services.map((service) => ({ name: serviceTypeName(service), type: 'PTR' })),
                knownAnswers: cache.knownAnswers(bridge),
                wantsUnicast: round === 0,
              });
            }
          }),
        );
      });
      return { instances: cache.instances(), packets: querier.packets() };
    } finally {
      for (const cleanUp of cleanUps) cleanUp();
      await querier.close();
    }
  };
}
