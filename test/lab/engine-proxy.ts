// SPDX-License-Identifier: Apache-2.0
/** Stands between a program and a container engine, and lets things go wrong. */
import { once } from 'node:events';
import { createServer, request as requestHttp } from 'node:http';

/** What becomes of a request: it goes on, its answer is cut off in the middle, or it is refused with a status. */
export type Passage = 'pass' | 'cut' | number;

export interface EngineProxy {
  stop(): Promise<void>;
}

/** So much of an answer that is cut off comes through. */
const CUT_BYTES = 1_000_000;

/**
 * @param sockets.path where it listens, which is not there yet; `engine` is that of the engine
 * @param decide is asked about each request
 */
export async function startEngineProxy(
  sockets: { readonly path: string; readonly engine: string },
  decide: (method: string, path: string) => Passage | Promise<Passage>,
): Promise<EngineProxy> {
  const server = createServer(async (asking, answer) => {
    const { method = '', url: path = '', headers } = asking;
    const passage = await decide(method, path);
    if (typeof passage === 'number') {
      answer.writeHead(passage, { 'content-type': 'application/json' }).end('{"message":"page not found"}');
      return;
    }
    const sent = requestHttp({ socketPath: sockets.engine, method, path, headers, agent: false }, (found) => {
      answer.writeHead(found.statusCode ?? 500, found.headers);
      found.pipe(answer);
      let bytes = 0;
      found.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (passage === 'cut' && bytes > CUT_BYTES) answer.destroy();
      });
    });
    sent.on('error', () => answer.destroy());
    asking.pipe(sent);
  }).listen(sockets.path);
  await once(server, 'listening');
  return {
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
