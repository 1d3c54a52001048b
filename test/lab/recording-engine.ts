// SPDX-License-Identifier: Apache-2.0
/** An engine that makes nothing, and tells what it was asked to make: what a client of Docker's sends. */
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

export interface CreateRequest {
  /** Of the container; by it, a request is found. */
  readonly name: string;
  readonly body: Record<string, unknown>;
}

export interface RecordingEngine {
  /** As `unix:///…/docker.sock`. */
  readonly host: string;
  /** What came under this name; it is forgotten. */
  take(name: string): CreateRequest | undefined;
  stop(): Promise<void>;
}

/** @param socket a path that nobody has; @param apiVersion what it says that it speaks, as `1.41` */
export async function startRecordingEngine(socket: string, apiVersion: string): Promise<RecordingEngine> {
  const requests = new Map<string, CreateRequest>();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://docker');
    const answer = (status: number, document?: unknown) => {
      const body = document === undefined ? '' : JSON.stringify(document);
      response.writeHead(status, {
        'api-version': apiVersion,
        ostype: 'linux',
        'content-type': 'application/json',
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    if (url.pathname === '/_ping') return answer(200);
    if (url.pathname.endsWith('/containers/create')) {
      const name = url.searchParams.get('name') ?? '';
      requests.set(name, { name, body: JSON.parse(await text(request)) as Record<string, unknown> });
      return answer(201, { Id: 'a'.repeat(64), Warnings: [] });
    }
    if (url.pathname.endsWith('/start')) return answer(204);
    if (url.pathname.endsWith('/wait')) return answer(200, { StatusCode: 0 });
    if (url.pathname.endsWith('/info')) return answer(200, { OSType: 'linux' });
    return answer(404, { message: `nothing answers at ${url.pathname}` });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    host: `unix://${socket}`,
    take(name) {
      const request = requests.get(name);
      requests.delete(name);
      return request;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
