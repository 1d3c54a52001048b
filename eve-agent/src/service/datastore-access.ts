import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../discovery/clock.ts';
import { DiscoveryError } from '../discovery/discovery-error.ts';
import type { Locate } from '../discovery/locate.ts';
import { type Origin, originOf } from '../discovery/origin.ts';
import { openFlow } from '../network/open-flow.ts';
import type { StepDeps } from '../reconcile/runtime.ts';
import { createDownload } from '../transfer/download.ts';
import { createPace } from '../transfer/pace.ts';
import type { Target } from '../transfer/target.ts';
import type { ServiceSettings } from './service-settings.ts';

const USER_AGENT = 'eve-agent';
/** How long another responder under the same name is looked for, before one that served wrong bytes is asked again. */
const OTHER_RESPONDER_TIMEOUT_MS = 3000;

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

  async function locateOther(url: URL, avoidedAddresses: ReadonlySet<string>, signal: AbortSignal) {
    if (avoidedAddresses.size === 0) return await locate(url, { ...discovery, signal });
    try {
      const timeoutMs = Math.min(discovery.timeoutMs, OTHER_RESPONDER_TIMEOUT_MS);
      return await locate(url, { ...discovery, timeoutMs, signal, avoidedAddresses });
    } catch (error) {
      if (!(error instanceof DiscoveryError) || error.code !== 'DATASTORE_NOT_FOUND') throw error;
      return await locate(url, { ...discovery, signal });
    }
  }

  return {
    probe: async (url, signal) => void (await locate(url, { ...discovery, signal })),
    download(request, observer, signal) {
      const { avoidedAddresses } = request;
      const download = createDownload(
        {
          async locate(url, until): Promise<Origin> {
            return originOf(await locateOther(url, avoidedAddresses, until));
          },
          openFlow,
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
