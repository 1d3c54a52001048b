import { type LookupAddress, lookup } from 'node:dns';
import { connect as connectTcp, isIP, type LookupFunction, type OnReadOpts, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type PeerCertificate } from 'node:tls';
import { isInternalHost } from '../transfer/internal-address.ts';

export interface ConnectionOptions {
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

/** A stranger's redirect leads to this host, its link or a metadata service. */
export class InternalAddressError extends Error {
  constructor(host: string) {
    super(`${host} is a loopback, link-local or metadata address`);
  }
}

/** Ordinary resolution that leaves out what a redirect may not lead to. */
const lookupOutside: LookupFunction = (host, options, done) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    const outside = addresses?.filter(({ address }) => !isInternalHost(address)) ?? [];
    const [first] = outside;
    if (error !== null) done(error, '');
    else if (first === undefined) done(new InternalAddressError(host), '');
    else if (options.all === true) done(null, outside as LookupAddress[]);
    else done(null, first.address, first.family);
  });
};

/** How TLS is spoken to a datastore: by its name, and right for its name or for its address. */
export function tlsOptions({ url, address, ca }: Pick<ConnectionOptions, 'url' | 'address' | 'ca'>) {
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  return {
    // RFC 6066 §3: an address is no server name.
    ...(isIP(name) === 0 && { servername: name }),
    // As Go and curl have it: whatever of the chain is given is an anchor, be it the leaf.
    ...(ca !== null && { ca, allowPartialTrustChain: true }),
    checkServerIdentity(_host: string, certificate: PeerCertificate): Error | undefined {
      const failure = checkServerIdentity(name, certificate);
      if (failure === undefined || address === null || address === name) return failure;
      return checkServerIdentity(address, certificate) === undefined ? undefined : failure;
    },
  };
}

/**
 * Opens the connection to an origin, with TLS where its scheme says so.
 *
 * @param done gets the socket once bytes can be written, or why there is none
 * @returns the socket at once
 */
export function openConnection(
  options: ConnectionOptions,
  onread: OnReadOpts,
  done: (error: Error | null) => void,
): Socket {
  const { url, address, localAddress, connectTimeoutMs, refusesInternal = false } = options;
  const isSecure = url.protocol === 'https:';
  const target = {
    host: address ?? url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (isSecure ? 443 : 80),
    noDelay: true,
    onread,
    ...(refusesInternal && { lookup: lookupOutside }),
    ...(localAddress !== null && { localAddress }),
  };
  const socket = isSecure
    ? connectTls({ ...target, ...tlsOptions(options), ALPNProtocols: ['http/1.1'] })
    : connectTcp(target);
  const timer = setTimeout(
    () => socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
    connectTimeoutMs,
  );
  const settle = (error: Error | null) => {
    clearTimeout(timer);
    socket.off('error', settle);
    socket.off('close', onClose);
    done(error);
  };
  const onClose = () => settle(new Error('the connection was closed'));
  socket.once('error', settle);
  socket.once('close', onClose);
  socket.once(isSecure ? 'secureConnect' : 'connect', () => settle(null));
  return socket;
}
