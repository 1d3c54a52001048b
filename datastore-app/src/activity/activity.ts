// SPDX-License-Identifier: Apache-2.0
import type { AdvertisingObserver } from '../advertise/advertiser.ts';
import { createDownloadLog, type DownloadLog } from './downloads.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createQueryLog, type QueryLog } from './queries.ts';

/** What happened lately and what happens now, for people and for Prometheus. */
export interface Activity {
  readonly downloads: DownloadLog;
  readonly queries: QueryLog;
  readonly metrics: Metrics;
}

/** Takes note of what the advertiser hears. */
export function observeAdvertising({ queries, metrics }: Activity): AdvertisingObserver {
  return {
    onQuery(interfaceName, source, names) {
      metrics.noteMdnsQuery(interfaceName);
      for (const question of names) queries.note({ interface: interfaceName, source, question });
    },
    onConflict: (interfaceName) => metrics.noteMdnsConflict(interfaceName),
  };
}

export function createActivity(): Activity {
  return { downloads: createDownloadLog(), queries: createQueryLog(), metrics: createMetrics() };
}
