import type { DiscoveryOptions } from '../config.ts';
import type { Locate } from '../discovery/locate.ts';
import type { DownloadDeps, Origin } from '../download/download.ts';
import { createHttpDispatcher } from '../transports/http-dispatcher.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** From a URL to the bytes, with this host's sockets: the way of a download, and of the doctor before it. */
export function createSystemWay(
  locate: Locate,
  { bridge = [], timeout }: Pick<DiscoveryOptions, 'bridge' | 'timeout'>,
): Pick<DownloadDeps, 'locate' | 'createDispatcher'> {
  return {
    async locate(url, signal): Promise<Origin> {
      const located = await locate(url, { bridges: bridge, timeoutMs: timeout * 1000, signal });
      if (located.kind === 'ordinary') return { url, sourceAddress: null, bridgeName: null };
      const { sourceAddress, bridge: foundOn } = located.location;
      return { url: located.url, sourceAddress, bridgeName: foundOn.name };
    },
    createDispatcher: (options) => createHttpDispatcher({ ...options, connectTimeoutMs: CONNECT_TIMEOUT_MS }),
  };
}
