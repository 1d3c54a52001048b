// SPDX-License-Identifier: Apache-2.0
import type { RequestListener, ServerOptions } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { clientAddress } from '@local-datastore/shared/net/client-address';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';

/** EVE's own limit is 10 s. */
const HANDSHAKE_TIMEOUT_MS = 20_000;
/** Whoever was told of is told of no more; so many are remembered. */
const MAX_REFUSERS = 256;

/** What clients answer that do not accept a certificate, as OpenSSL names it: `SSL/TLS_ALERT_…`, `TLSV1_ALERT_…`. */
const REFUSAL = /^ERR_SSL_\S*ALERT_(?:UNKNOWN_CA|(?:BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_\w+)$/;

export interface TlsServer {
  readonly server: Server;
  /** Presents another certificate to new connections; those that are open go on. */
  replaceIdentity(identity: TlsIdentity): void;
  /**
   * Asks new connections for a certificate, which they need not have, nor need anybody have issued it. Browsers ask
   * their users then, where they have any.
   */
  askForCertificates(isAsked: boolean): void;
}

const contextOf = ({ certificate, key }: TlsIdentity): SecureContextOptions => ({
  cert: certificate,
  key,
  minVersion: 'TLSv1.2',
});

/**
 * A server of HTTP/1.1 over TLS 1.2 and up.
 *
 * @throws ConfigurationError when the certificate does not fit its key
 */
export function createTlsServer(
  { log }: { readonly log: Log },
  options: ServerOptions,
  identity: TlsIdentity,
  handler: RequestListener,
): TlsServer {
  const server = createServerWith();
  const refusers = new Set<string>();

  function createServerWith(): Server {
    try {
      const tls = { ALPNProtocols: ['http/1.1'], handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
      // What a client shows is judged by its fingerprint, where it is used.
      const clients = { requestCert: false, rejectUnauthorized: false };
      return createServer({ ...options, ...contextOf(identity), ...tls, ...clients }, handler);
    } catch (error) {
      throw new ConfigurationError(`the TLS certificate and key cannot be used: ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }

  // On the device's side such a failure is hard to see, so it is told here: once for each client and certificate.
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    const client = clientAddress(socket);
    if (!REFUSAL.test(systemErrorCode(error) ?? '') || refusers.has(client)) return;
    if (refusers.size >= MAX_REFUSERS) refusers.clear();
    refusers.add(client);
    log.warn(
      { client, reason: systemErrorCode(error) },
      'a client refused the TLS certificate: does it have the right authority (dsCertPEM), and is its clock right?',
    );
  });

  return {
    server,
    replaceIdentity(next) {
      server.setSecureContext(contextOf(next));
      refusers.clear();
    },
    askForCertificates(isAsked) {
      // Node 24.21 looks at this property with every connection, and has no method for it.
      Object.assign(server, { requestCert: isAsked });
    },
  };
}
