import type { DiscoveryOptions } from '../config.ts';
import type { Locate } from '../discovery/locate.ts';
import { originOf } from '../discovery/origin.ts';
import { openFlow } from '../network/open-flow.ts';
import type { DownloadDeps } from '../transfer/download.ts';

/** From a URL to the bytes, with this host's sockets: the way of a download, and of the doctor before it. */
export function createSystemWay(
  locate: Locate,
  { bridge = [], timeout }: Pick<DiscoveryOptions, 'bridge' | 'timeout'>,
): Pick<DownloadDeps, 'locate' | 'openFlow'> {
  return {
    locate: async (url, signal) =>
      originOf(await locate(url, { bridges: bridge, timeoutMs: timeout * 1000, signal })),
    openFlow,
  };
}
