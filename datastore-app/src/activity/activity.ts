import { createDownloadLog, type DownloadLog } from './downloads.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createQueryLog, type QueryLog } from './queries.ts';

/** What happened lately and what happens now, for people and for Prometheus. */
export interface Activity {
  readonly downloads: DownloadLog;
  readonly queries: QueryLog;
  readonly metrics: Metrics;
}

export function createActivity(): Activity {
  return { downloads: createDownloadLog(), queries: createQueryLog(), metrics: createMetrics() };
}
