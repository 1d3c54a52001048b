// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { unlessAborted } from '@local-datastore/shared/unless-aborted';
import type { NetworkSide } from './network-side.ts';
import type { SeparateNetwork } from './separate-network.ts';

export interface PreferredNetworkDeps {
  readonly separate: SeparateNetwork;
  /** The network in this process; null: there is none beside the separate one. */
  readonly openOwn: ((reason: string) => NetworkSide) | null;
}

/**
 * The network in a process without rights where this host lets one run, else in this process; what is asked of it waits
 * until that is known, or is given up. It is decided before anybody of the network is heard, and once: nobody out there can make it be
 * given up.
 *
 * `run` throws a ConfigurationError where no such process runs and there is nothing beside it.
 */
export function createPreferredNetwork({ separate, openOwn }: PreferredNetworkDeps): NetworkSide {
  let side: NetworkSide = separate;
  const decided = Promise.withResolvers<NetworkSide>();
  // Whoever waits hears of it.
  decided.promise.catch(() => {});
  const whenDecided = (signal: AbortSignal) => unlessAborted(decided.promise, signal);

  return {
    steps: {
      async download(request, observer, signal) {
        return await (await whenDecided(signal)).steps.download(request, observer, signal);
      },
      resolve: async (request, signal) => (await whenDecided(signal)).steps.resolve(request, signal),
      probe: async (url, signal) => (await whenDecided(signal)).steps.probe(url, signal),
    },
    openImage: async (request, signal) => (await whenDecided(signal)).openImage(request, signal),
    findLocal: async (host, signal) => (await whenDecided(signal)).findLocal(host, signal),
    processes: () => side.processes(),
    separation: () => side.separation(),
    async run(awaited, signal) {
      const givingUp = new AbortController();
      const running = separate.run(awaited, AbortSignal.any([signal, givingUp.signal]));
      const reason = await separate.began;
      if (reason === null || signal.aborted) {
        decided.resolve(separate);
        return await running;
      }
      givingUp.abort();
      await running;
      if (openOwn === null) {
        const error = new ConfigurationError(
          `--separation: no process without rights can be had here: ${reason}`,
        );
        decided.reject(error);
        throw error;
      }
      side = openOwn(reason);
      decided.resolve(side);
      await side.run(awaited, signal);
    },
  };
}
