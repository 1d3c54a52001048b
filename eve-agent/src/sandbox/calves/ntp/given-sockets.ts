// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:dgram';
import type { NtpSockets } from './ntp-sockets.ts';

/** A socket for a server, and where that server is. */
export interface GivenSocket {
  readonly socket: Socket;
  readonly address: string;
  readonly port: number;
}

/**
 * Sockets that somebody else opens. What happens to one later, such as that nobody listens there, is the same as no
 * answer.
 *
 * @param take the socket of a server; rejects where there is no way to it
 */
export function createGivenSockets(take: (serverId: string) => Promise<GivenSocket>): NtpSockets {
  return {
    async open({ id }, onDatagram) {
      const { socket, address, port } = await take(id);
      // The interface of a link-local address is the socket's, and has no name here.
      const [host = ''] = address.split('%');
      let isClosed = false;
      socket.on('error', () => {}).on('message', onDatagram);
      return {
        send(bytes) {
          if (isClosed) return;
          try {
            // What cannot be sent is lost, as on the way.
            socket.send(bytes, port, host, () => {});
          } catch {
            // The socket is not what it was: the same.
          }
        },
        close() {
          if (!isClosed) socket.close();
          isClosed = true;
        },
      };
    },
  };
}
