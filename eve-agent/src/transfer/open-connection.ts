// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import type { FlowReader, OpenFlow } from './flow.ts';

export interface ConnectionOptions {
  readonly openFlow: OpenFlow;
  /** Scheme, name and port, whatever the address. */
  readonly url: URL;
  /** Where the connection goes; null: what ordinary DNS says of the name. */
  readonly address: string | null;
  /** Where it comes from; null: the system chooses. */
  readonly localAddress: string | null;
  /** PEM. Given, it replaces the system's roots, as EVE's `dsCertPEM` does. */
  readonly ca: string | null;
  readonly connectTimeoutMs: number;
  /** Whether the name must not turn out to be loopback, link-local or a metadata service. */
  readonly refusesInternal?: boolean;
}

/** How TLS is spoken to a datastore: by its name, and right for its name or for its address. */
function tlsOptions({ url, address, ca }: Pick<ConnectionOptions, 'url' | 'address' | 'ca'>) {
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  return {
    // RFC 6066 §3: an address is no server name.
    ...(ipVersion(name) === 0 && { servername: name }),
    // As Go and curl have it: whatever of the chain is given is an anchor, be it the leaf.
    ...(ca !== null && { ca, allowPartialTrustChain: true }),
    checkServerIdentity(_host: string, certificate: PeerCertificate): Error | undefined {
      const failure = checkServerIdentity(name, certificate);
      if (failure === undefined || address === null || address === name) return failure;
      return checkServerIdentity(address, certificate) === undefined ? undefined : failure;
    },
  };
}

/** Speaks TLS over a flow. @throws why there is no session; the signal's reason */
function secure(
  flow: Duplex,
  options: ConnectionOptions,
  reader: FlowReader | undefined,
  signal: AbortSignal,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const session = connect({ socket: flow, ...tlsOptions(options), ALPNProtocols: ['http/1.1'] });
    flow.on('error', (error) => session.destroy(error));
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      session.off('secureConnect', onSecure);
      session.off('error', fail);
      session.off('close', onClose);
    };
    const fail = (error: unknown) => {
      settle();
      session.on('error', () => {}).destroy();
      flow.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    const onClose = () => fail(new Error('the connection was closed'));
    const onSecure = () => {
      settle();
      // What was decrypted is in memory already: Node has no `onread` for a session over a stream that is given.
      if (reader !== undefined) {
        session.on('data', (bytes: Buffer) => {
          if (!reader.callback(bytes.length, bytes)) session.pause();
        });
      }
      resolve(session);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    session.once('secureConnect', onSecure).once('error', fail).once('close', onClose);
  });
}

/**
 * Opens the connection to an origin, with TLS where its scheme says so.
 *
 * @param reader gets all that comes; absent: it is read as from any stream
 * @param signal ends the opening
 * @returns what bytes can be written to
 * @throws why there is none; the signal's reason
 */
export async function openConnection(
  options: ConnectionOptions,
  reader: FlowReader | undefined,
  signal: AbortSignal,
): Promise<Duplex> {
  const { openFlow, url, address, localAddress, connectTimeoutMs, refusesInternal = false } = options;
  const isSecure = url.protocol === 'https:';
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new Error(`no connection within ${connectTimeoutMs} ms`)),
    connectTimeoutMs,
  );
  const until = AbortSignal.any([signal, timeout.signal]);
  const place = {
    host: address ?? url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (isSecure ? 443 : 80),
    ...{ localAddress, refusesInternal },
  };
  try {
    if (!isSecure) return await openFlow(place, { reader, signal: until });
    return await secure(await openFlow(place, { signal: until }), options, reader, until);
  } finally {
    clearTimeout(timer);
  }
}
