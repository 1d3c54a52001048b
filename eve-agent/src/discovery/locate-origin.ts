// SPDX-License-Identifier: Apache-2.0
import { DiscoveryError } from './discovery-error.ts';
import type { Locate, Located, LocateOptions } from './locate.ts';
import { type Origin, originOf } from './origin.ts';

/** How long another responder under the same name is looked for, before one that is to be avoided is asked again. */
const OTHER_RESPONDER_TIMEOUT_MS = 3000;

/** Prefers a responder at another address than those; where there is none, one of them is better than nothing. */
async function locateOther(
  locate: Locate,
  url: URL,
  options: LocateOptions,
  avoidedAddresses: ReadonlySet<string>,
): Promise<Located> {
  if (avoidedAddresses.size === 0) return await locate(url, options);
  try {
    const timeoutMs = Math.min(options.timeoutMs, OTHER_RESPONDER_TIMEOUT_MS);
    return await locate(url, { ...options, timeoutMs, avoidedAddresses });
  } catch (error) {
    if (!(error instanceof DiscoveryError) || error.code !== 'DATASTORE_NOT_FOUND') throw error;
    return await locate(url, options);
  }
}

/** From a URL to its origin. @param slowAddresses to be avoided, too */
export type LocateOrigin = (
  url: URL,
  signal: AbortSignal,
  slowAddresses?: ReadonlySet<string>,
) => Promise<Origin>;

/**
 * Locates for downloads.
 *
 * @param avoided addresses that served wrong bytes
 */
export function createLocateOrigin(
  locate: Locate,
  discovery: Pick<LocateOptions, 'bridges' | 'timeoutMs'>,
  avoided: ReadonlySet<string> = new Set(),
): LocateOrigin {
  return async (url, signal, slowAddresses = new Set()) => {
    const addresses = new Set([...avoided, ...slowAddresses]);
    return originOf(await locateOther(locate, url, { ...discovery, signal }, addresses));
  };
}
