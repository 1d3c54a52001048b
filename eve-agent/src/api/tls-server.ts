// SPDX-License-Identifier: Apache-2.0
import { constants, type X509Certificate } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import { openReloadedFiles } from '@local-datastore/shared/files/reloaded-files';
import type { Log } from '@local-datastore/shared/log';
import { isValidAt, readServerTls, type ServerTls, type TlsFiles } from './server-tls.ts';

export interface TlsServerDeps {
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  wallMs(): number;
  readonly log: Log;
}

/** Of clients that have shown their certificate. */
const MAX_CONNECTIONS = 128;
/** Of those that have not yet. */
const MAX_HANDSHAKES = 64;
/** A handshake takes milliseconds; Node counts only the time in which nothing comes. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
const POLL_INTERVAL_MS = 1000;

/** A session that is taken up again would show no chain, and nobody would see who signed the certificate. */
const MUTUAL = {
  requestCert: true,
  rejectUnauthorized: true,
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

/** An operator who was let in. */
interface Client {
  readonly certificate: X509Certificate;
  /** What its chain was verified by. */
  readonly verifiedBy: ServerTls;
}

/** Connections whose client has not shown who it is: few, short, and nobody's place but their own. */
class Handshakes {
  /** In the order in which they came. */
  readonly #pending = new Map<
    string,
    { readonly socket: Socket; readonly tls: ServerTls; readonly cancel: () => void }
  >();

  static #keyOf({ remoteAddress, remotePort }: Socket): string {
    return `${remoteAddress} ${remotePort}`;
  }

  /** @param tls what the client's chain will be verified by */
  add(socket: Socket, tls: ServerTls, clock: Clock): void {
    if (this.#pending.size >= MAX_HANDSHAKES) this.#findSlowest()?.destroy();
    const key = Handshakes.#keyOf(socket);
    const cancel = clock.after(HANDSHAKE_TIMEOUT_MS, () => socket.destroy());
    this.#pending.set(key, { socket, tls, cancel });
    socket.once('close', () => this.#forget(key, socket));
  }

  /** It is done, one way or the other. @returns what the client's chain was verified by */
  end(socket: Socket): ServerTls | undefined {
    const key = Handshakes.#keyOf(socket);
    const tls = this.#pending.get(key)?.tls;
    this.#forget(key);
    return tls;
  }

  destroyAll(): void {
    for (const { socket } of [...this.#pending.values()]) socket.destroy();
  }

  /** Who has taken longest at the address that has the most: who comes next takes its place. */
  #findSlowest(): Socket | undefined {
    const counts = new Map<string, number>();
    for (const { socket } of this.#pending.values()) {
      const { remoteAddress = '' } = socket;
      counts.set(remoteAddress, (counts.get(remoteAddress) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    for (const { socket } of this.#pending.values()) {
      if (counts.get(socket.remoteAddress ?? '') === most) return socket;
    }
    return undefined;
  }

  #forget(key: string, socket?: Socket): void {
    const known = this.#pending.get(key);
    // An address and port may be somebody else's by now.
    if (known === undefined || (socket !== undefined && known.socket !== socket)) return;
    known.cancel();
    this.#pending.delete(key);
  }
}

/**
 * Whether a client may ask at this time. Its chain was verified in the handshake, of which a server of Node 24 sees
 * the client's own certificate alone: after a change of the authorities only those go on whom one of the new ones
 * has issued itself.
 */
function admits(tls: ServerTls, { certificate, verifiedBy }: Client, wallMs: number): boolean {
  if (!isValidAt(certificate, wallMs) || tls.revocations?.isRevoked(certificate) === true) return false;
  return tls.authorities.equals(verifiedBy.authorities) || tls.isIssuer(certificate);
}

/**
 * An HTTPS server for clients that show a certificate of an authority, and none that is revoked. Its files are read
 * again when they change: who is admitted no longer is disconnected, and what cannot be used changes nothing.
 *
 * @throws ConfigurationError when the files cannot be used
 */
export async function createMutualTlsServer(
  listener: RequestListener,
  files: TlsFiles,
  { clock, wallMs, log }: TlsServerDeps,
): Promise<{ readonly server: Server; readonly close: () => void }> {
  const given = [files.certificate, files.key, files.clientCa, files.clientCrl].flatMap((file) => file ?? []);
  const reloaded = await openReloadedFiles(given, {
    read: () => readServerTls(files),
    onUnusable(error) {
      log.error(
        { reason: errorMessage(error) },
        'new certificates of the API cannot be used: the old ones stay',
      );
    },
  });
  let tls = reloaded.first;
  const server = createServer({ ...tls.options, ...MUTUAL }, listener);
  const handshakes = new Handshakes();
  const clients = new Map<TLSSocket, Client>();
  const ending = new AbortController();

  server.on('connection', (socket: Socket) => handshakes.add(socket, tls, clock));
  server.on('tlsClientError', (_error, socket) => {
    handshakes.end(socket);
    socket.destroy();
  });
  // Before HTTP is spoken: nothing of what somebody asks who is not admitted is answered.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const verifiedBy = handshakes.end(socket);
    const certificate = socket.getPeerX509Certificate();
    const client = certificate && verifiedBy && { certificate, verifiedBy };
    if (client === undefined || clients.size >= MAX_CONNECTIONS || !admits(tls, client, wallMs())) {
      socket.destroy();
      return;
    }
    clients.set(socket, client);
    socket.once('close', () => clients.delete(socket));
  });

  let outdatedMs: number | null = null;
  const warnOfAge = ({ revocations }: ServerTls) => {
    const nextMs = revocations?.nextUpdateMs ?? null;
    if (nextMs === null || nextMs > wallMs() || nextMs === outdatedMs) return;
    outdatedMs = nextMs;
    const since = new Date(nextMs).toISOString();
    log.warn(
      { file: files.clientCrl, since },
      'the list of revoked clients is out of date; it is honoured still',
    );
  };
  const take = (next: ServerTls) => {
    server.setSecureContext({ ...next.options, secureOptions: MUTUAL.secureOptions });
    tls = next;
    log.info({ revoked: tls.revocations?.count ?? null }, 'certificates of the API were read again');
  };
  const dismiss = () => {
    for (const [socket, client] of clients) if (!admits(tls, client, wallMs())) socket.destroy();
  };
  const watch = async () => {
    while (!ending.signal.aborted) {
      await reloaded.look(take);
      warnOfAge(tls);
      dismiss();
      await waitUnlessAborted(clock, POLL_INTERVAL_MS, ending.signal);
    }
  };
  void watch();
  return {
    server,
    close() {
      ending.abort();
      handshakes.destroyAll();
    },
  };
}
