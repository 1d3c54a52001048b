// SPDX-License-Identifier: Apache-2.0
import type { ServiceInstance } from '../discovery/service-cache.ts';

/** The datastores that advertise themselves on the bridges. */
export interface Neighbours {
  /** @throws as `browse`, where nothing is known yet */
  list(): Promise<readonly URL[]>;
}

const MAX_NEIGHBOURS = 16;
/** What was heard holds so long; then it is listened again, and the old list serves meanwhile. */
const FRESH_MS = 20_000;
const LABELS = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i;

/** Where registries may be spoken to, by what was advertised: each once. @param isTls whether over https */
export function registriesOf(instances: readonly ServiceInstance[], isTls: boolean): URL[] {
  const found = new Map<string, URL>();
  for (const { service, hostName, addresses, port } of instances) {
    const isOfScheme = service === 'workstation' || (service === 'https') === isTls;
    if (!isOfScheme || hostName === null || !LABELS.test(hostName) || addresses.length === 0) continue;
    // The port of a workstation is none that anybody listens on.
    const at = service === 'workstation' || port === null ? '' : `:${port}`;
    const url = URL.parse(`${isTls ? 'https' : 'http'}://${hostName.toLowerCase()}${at}/`);
    if (url?.hostname.endsWith('.local')) found.set(url.origin, url);
  }
  const sorted = [...found.entries()].sort(([left], [right]) => (left < right ? -1 : 1));
  return sorted.slice(0, MAX_NEIGHBOURS).map(([, url]) => url);
}

/**
 * @param browse listens for a while
 * @param nowMs monotonic
 */
export function createNeighbours(
  browse: () => Promise<readonly ServiceInstance[]>,
  isTls: boolean,
  nowMs: () => number,
): Neighbours {
  let known: readonly URL[] | undefined;
  let heardAtMs = Number.NEGATIVE_INFINITY;
  let listening: Promise<readonly URL[]> | undefined;

  function listen(): Promise<readonly URL[]> {
    listening ??= browse()
      .then((instances) => {
        heardAtMs = nowMs();
        known = registriesOf(instances, isTls);
        return known;
      })
      .finally(() => {
        listening = undefined;
      });
    return listening;
  }

  return {
    async list() {
      if (nowMs() - heardAtMs < FRESH_MS && known !== undefined) return known;
      const heard = listen();
      if (known === undefined || known.length === 0) return await heard;
      heard.catch(() => {});
      return known;
    },
  };
}
