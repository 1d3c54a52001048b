// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { MAX_NTP_SERVERS } from '../../keys/ntp-keys.ts';
import type { NtpSocket, NtpSockets } from './ntp-sockets.ts';

/** There may be no way to a server yet, as before an address was leased: tried again after 2, 4 … 64 s. */
const FIRST_RETRY_MS = 2000;
const LAST_RETRY_MS = 64_000;

export interface OpenServersDeps {
  readonly sockets: NtpSockets;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OpenServersListener {
  onDatagram(id: string, bytes: Uint8Array): void;
  /** These have a socket now. */
  onChange(ids: readonly string[]): void;
}

export interface OpenServers {
  /** Opens a server at an address, in place of that which it had; null: it is no more. */
  set(id: string, address: string | null): void;
  /** Sends, or does not: what is lost is asked for again. */
  send(id: string, bytes: Uint8Array): void;
  close(): void;
}

interface OpenServer {
  readonly address: string;
  readonly socket: NtpSocket | null;
  /** Takes back what was begun. */
  readonly cancel: () => void;
}

/** The sockets of the servers that are wanted now, each opened as soon as there is a way to it. */
export function openServers(deps: OpenServersDeps, listener: OpenServersListener): OpenServers {
  const { sockets, clock, log } = deps;
  const servers = new Map<string, OpenServer>();

  const tell = () => {
    listener.onChange([...servers].filter(([, { socket }]) => socket !== null).map(([id]) => id));
  };

  function begin(id: string, address: string, retryMs: number): void {
    let isWanted = true;
    const isCurrent = () => isWanted;
    const forget = () => {
      isWanted = false;
    };
    servers.set(id, { address, socket: null, cancel: forget });
    const hear = (bytes: Uint8Array) => {
      if (isCurrent()) listener.onDatagram(id, bytes);
    };
    sockets.open({ id, address }, hear).then(
      (socket) => {
        if (!isCurrent()) {
          socket.close();
          return;
        }
        const cancel = () => {
          forget();
          socket.close();
        };
        servers.set(id, { address, socket, cancel });
        tell();
      },
      (error: unknown) => {
        if (!isCurrent()) return;
        log.debug({ server: address, error: errorMessage(error) }, 'there is no way to a time server');
        const again = clock.after(retryMs, () => begin(id, address, Math.min(2 * retryMs, LAST_RETRY_MS)));
        servers.set(id, { address, socket: null, cancel: again });
      },
    );
  }

  function remove(id: string): void {
    const server = servers.get(id);
    servers.delete(id);
    server?.cancel();
    if (server?.socket != null) tell();
  }

  return {
    set(id, address) {
      if (servers.get(id)?.address === address) return;
      remove(id);
      if (address === null) return;
      if (servers.size >= MAX_NTP_SERVERS) log.warn({ server: address }, 'too many time servers');
      else begin(id, address, FIRST_RETRY_MS);
    },
    send(id, bytes) {
      servers.get(id)?.socket?.send(bytes);
    },
    close() {
      for (const { cancel } of servers.values()) cancel();
      servers.clear();
    },
  };
}
