// SPDX-License-Identifier: Apache-2.0
/** Stands before an HTTP server on loopback, and counts what goes through. */
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline } from 'node:stream';

export interface Counted {
  /** `GET /path 200`, in order. */
  readonly requests: readonly string[];
  /** All that the server sent, and all that it was sent, with the heads. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface CountingProxy {
  readonly port: number;
  /** What went through since the last time. */
  take(): Counted;
  stop(): Promise<void>;
}

/** @param port of the server, which hears the Host that the client says */
export async function startCountingProxy(port: number): Promise<CountingProxy> {
  let requests: string[] = [];
  const sockets = new Map<Socket, { written: number; read: number }>();
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    const onward = httpRequest({
      ...{ host: '127.0.0.1', port, path: url, method, agent: false },
      headers: { ...request.headers, connection: 'close' },
    });
    onward.once('response', (answer) => {
      const { statusCode = 502, headers } = answer;
      requests.push(`${method} ${url.split('?')[0]} ${statusCode}`);
      const { connection: _, 'transfer-encoding': __, ...kept } = headers;
      response.writeHead(statusCode, kept);
      pipeline(answer, response, () => {});
    });
    onward.once('error', () => response.destroy());
    onward.end();
  });
  server.on('connection', (socket: Socket) => sockets.set(socket, { written: 0, read: 0 }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    take() {
      let [sentBytes, receivedBytes] = [0, 0];
      for (const [socket, before] of sockets) {
        sentBytes += socket.bytesWritten - before.written;
        receivedBytes += socket.bytesRead - before.read;
        sockets.set(socket, { written: socket.bytesWritten, read: socket.bytesRead });
      }
      const taken = requests;
      requests = [];
      return { requests: taken, sentBytes, receivedBytes };
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
