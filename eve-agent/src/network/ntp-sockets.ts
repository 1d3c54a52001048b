import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import type { NtpSockets } from '../sandbox/calves/ntp/ntp-sockets.ts';

const NTP_PORT = 123;

/**
 * Sockets of this host's own. Each is connected: the kernel gives it a port that nobody can foresee, and lets only the
 * server's datagrams in. What happens to one later, such as that nobody listens there, is the same as no answer.
 */
export function openNtpSockets(port: number = NTP_PORT): NtpSockets {
  return {
    async open({ address }, onDatagram) {
      const socket = createSocket(ipVersion(address) === 6 ? 'udp6' : 'udp4');
      let isClosed = false;
      const close = () => {
        if (!isClosed) socket.close();
        isClosed = true;
      };
      try {
        socket.connect(port, address);
        await once(socket, 'connect');
      } catch (error) {
        close();
        throw error;
      }
      socket.on('error', () => {}).on('message', onDatagram);
      return {
        send(bytes) {
          if (isClosed) return;
          try {
            // What cannot be sent is lost, as on the way.
            socket.send(bytes, () => {});
          } catch {
            // The socket is not what it was: the same.
          }
        },
        close,
      };
    },
  };
}
