import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '@local-datastore/shared/system-clock';
import type { Locate } from '../discovery/locate.ts';
import type { StepDeps } from '../reconcile/runtime.ts';
import { createDownload } from '../transfer/download.ts';
import { createPace } from '../transfer/pace.ts';
import type { Target } from '../transfer/target.ts';
import type { ServiceSettings } from './service-settings.ts';
import { createSystemWay } from './system-way.ts';

const USER_AGENT = 'eve-agent';

/**
 * How the steps of the service reach datastores.
 *
 * @param targetOf where content of a digest is written
 */
export function createDatastoreAccess(
  locate: Locate,
  targetOf: (sha256: string) => Target,
  { discovery, transfer }: Pick<ServiceSettings, 'discovery' | 'transfer'>,
): Pick<StepDeps, 'download' | 'probe'> {
  const { bytesPerSecond, stallTimeoutMs, leastRate, proxy, allowsInternalRedirects } = transfer;
  const pace = bytesPerSecond === undefined ? undefined : createPace(bytesPerSecond, systemClock.nowMs);

  return {
    probe: async (url, signal) => void (await locate(url, { ...discovery, signal })),
    download(request, observer, signal) {
      const { avoidedAddresses } = request;
      const download = createDownload(
        {
          ...createSystemWay(locate, discovery, avoidedAddresses),
          delay: (delayMs, until) => wait(delayMs, undefined, { signal: until }),
          now: Date.now,
          random: Math.random,
          pace,
          clock: systemClock,
        },
        {
          // Every failure is planned around: another datastore may be next.
          retry: { maxFailures: 0, maxDelayMs: 0 },
          ...{ stallTimeoutMs, leastRate, proxy, allowsInternalRedirects },
          userAgent: USER_AGENT,
        },
      );
      return download({ ...request, target: targetOf(request.sha256) }, observer, signal);
    },
  };
}
