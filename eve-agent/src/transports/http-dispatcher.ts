import { Agent, type Dispatcher } from 'undici';
import { type BodyRegion, BulkDispatcher } from './bulk-dispatcher.ts';

export interface HttpDispatcherOptions {
  /** Scheme, host and port; the host is an address already when it is a local datastore's. */
  readonly url: URL;
  readonly localAddress: string | null;
  /** PEM. Given, it replaces the system's roots, as EVE's `dsCertPEM` does. */
  readonly ca: string | null;
  readonly connectTimeoutMs: number;
  readonly bodyRegion: BodyRegion;
}

/** The way to one origin: in bulk over plain HTTP; over TLS, which has to copy anyway, undici's own. */
export function createHttpDispatcher(options: HttpDispatcherOptions): Dispatcher {
  const { url, localAddress, ca, connectTimeoutMs } = options;
  if (url.protocol === 'http:') {
    return new BulkDispatcher({
      origin: url.origin,
      localAddress: localAddress ?? undefined,
      connectTimeoutMs,
      bodyRegion: options.bodyRegion,
    });
  }
  return new Agent({
    // Who waits for how long is the receiver's decision: it sees both ways of reading.
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
    connect: {
      timeout: connectTimeoutMs,
      ...(localAddress !== null && { localAddress }),
      ...(ca !== null && { ca }),
    },
  });
}
