import { type Dispatcher, ProxyAgent } from 'undici';
import { MAX_HEAD_BYTES } from '../transfer/response-head.ts';

export interface ProxyDispatcherOptions {
  readonly proxy: URL;
  /** PEM that replaces the system's roots for the datastore; the proxy is no part of that. */
  readonly ca: string | null;
  readonly connectTimeoutMs: number;
}

/** The way to a datastore through an HTTP proxy: asked for plain URLs, tunnelled through for https. */
export function createProxyDispatcher({ proxy, ca, connectTimeoutMs }: ProxyDispatcherOptions): Dispatcher {
  return new ProxyAgent({
    uri: proxy.href,
    proxyTunnel: false,
    // Who waits for how long is the receiver's decision.
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: connectTimeoutMs,
    maxHeaderSize: MAX_HEAD_BYTES,
    ...(ca !== null && { requestTls: { ca, allowPartialTrustChain: true } }),
  });
}
