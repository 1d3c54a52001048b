// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

/** An HTTP proxy on loopback (RFC 9110 §9.3.6, RFC 9112 §3.2.2) that knows names which no DNS knows. */
export interface HttpProxy {
  readonly url: URL;
  /** What it was asked for, in order: `GET http://…` or `CONNECT host:port`, with its credential. */
  readonly asked: { readonly what: string; readonly credential: string | null }[];
  stop(): Promise<void>;
}

/**
 * @param portOf the port of 127.0.0.1 for a host and port, such as `far.example:80`; undefined: none such
 * @param port where it listens; 0: anywhere
 */
export async function startHttpProxy(
  portOf: (authority: string) => number | undefined,
  port = 0,
): Promise<HttpProxy> {
  const asked: { what: string; credential: string | null }[] = [];
  const tunnels = new Set<Socket>();
  const note = (what: string, credential: string | undefined) =>
    asked.push({ what, credential: credential ?? null });
  const server = createServer((request, response) => {
    note(`${request.method} ${request.url}`, request.headers['proxy-authorization']);
    const url = URL.parse(request.url ?? '');
    const target = url === null ? undefined : portOf(`${url.hostname}:${url.port || '80'}`);
    if (url === null || target === undefined) {
      response.writeHead(502).end();
      return;
    }
    const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = request.headers;
    const path = `${url.pathname}${url.search}`;
    const onward = httpRequest({ host: '127.0.0.1', port: target, path, method: request.method, headers });
    onward.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // A broken answer is broken here, too.
      pipeline(answer, response, () => {});
    });
    onward.once('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    request.pipe(onward);
  });
  server.on('connect', (request, client: Socket, head: Buffer) => {
    note(`CONNECT ${request.url}`, request.headers['proxy-authorization']);
    const target = portOf(request.url ?? '');
    if (target === undefined) {
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const onward = connect({ host: '127.0.0.1', port: target }, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      client.pipe(onward).pipe(client);
    });
    for (const socket of [client, onward]) {
      tunnels.add(socket);
      socket.once('error', () => socket.destroy());
      socket.once('close', () => {
        tunnels.delete(socket);
        client.destroy();
        onward.destroy();
      });
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    asked,
    async stop() {
      for (const socket of tunnels) socket.destroy();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
