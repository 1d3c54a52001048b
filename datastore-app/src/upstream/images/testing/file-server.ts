// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const sha256Of = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** Answers one request for a file in a way of its own. */
export type Answer = (request: IncomingMessage, response: ServerResponse, content: Buffer) => void;

/** A web server on loopback that does as the test says. */
export interface FileServer {
  /** Such as `http://127.0.0.1:40001`. */
  readonly origin: string;
  /** By path, with the first slash. */
  readonly files: Map<string, Buffer>;
  /** The next answers to GETs of files that are no list; beyond the last they are as they should be. */
  readonly answers: Answer[];
  /** `GET /a 0-`, `HEAD /a`, in order. */
  readonly requests: string[];
  /** Headers of the requests, in the same order. */
  readonly headers: IncomingMessage['headers'][];
  /** Of files, without heads. */
  sentBytes(): number;
  /** What `sha256sum` says of some files below a folder. */
  checksums(folder: string, ...names: readonly string[]): Buffer;
  stop(): Promise<void>;
}

/** Answers as a server should, with one range and conditions by entity tag. */
export const asItShould: Answer = (request, response, content) => {
  const entityTag = `"${sha256Of(content).slice(0, 16)}"`;
  if (request.headers['if-none-match'] === entityTag) {
    response.writeHead(304, { etag: entityTag }).end();
    return;
  }
  const first = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const part = content.subarray(first);
  response.writeHead(first === 0 ? 200 : 206, {
    ...{ etag: entityTag, 'content-length': part.length },
    ...(first > 0 && { 'content-range': `bytes ${first}-${content.length - 1}/${content.length}` }),
  });
  response.end(request.method === 'HEAD' ? undefined : part);
};

/**
 * Sends so many bytes of what was asked for, and breaks the connection.
 *
 * @param arrived settles when so many bytes of the file have been stored: what is still on its way is lost by a break
 */
export const cutAfter =
  (bytes: number, arrived: (storedBytes: number) => Promise<unknown>): Answer =>
  (request, response, content) => {
    const first = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(first === 0 ? 200 : 206, {
      'content-length': content.length - first,
      ...(first > 0 && { 'content-range': `bytes ${first}-${content.length - 1}/${content.length}` }),
    });
    response.flushHeaders();
    response.write(content.subarray(first, first + bytes));
    void arrived(first + bytes).then(() => request.socket.destroy());
  };

export async function startFileServer(): Promise<FileServer> {
  const files = new Map<string, Buffer>();
  const answers: Answer[] = [];
  const requests: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  let sentBytes = 0;
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    const path = decodeURIComponent(url.split('?')[0] ?? '');
    requests.push(
      `${method} ${path}${request.headers.range === undefined ? '' : ` ${request.headers.range}`}`,
    );
    headers.push(request.headers);
    const content = files.get(path);
    if (content === undefined) {
      response.writeHead(404).end();
      return;
    }
    const isList = /SHA256SUMS|\.json$|\.yaml$|\/-\//.test(path);
    const answer = isList || method === 'HEAD' ? asItShould : (answers.shift() ?? asItShould);
    if (!isList) {
      const write = response.write.bind(response);
      const count = (piece: unknown) => {
        if (Buffer.isBuffer(piece)) sentBytes += piece.length;
      };
      const end = response.end.bind(response);
      response.write = ((piece: unknown, ...rest: never[]) => {
        count(piece);
        return write(piece, ...rest);
      }) as typeof response.write;
      response.end = ((piece: unknown, ...rest: never[]) => {
        count(piece);
        return end(piece, ...rest);
      }) as typeof response.end;
    }
    answer(request, response, content);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ files, answers, requests, headers },
    sentBytes: () => sentBytes,
    checksums: (folder, ...names) =>
      Buffer.from(
        names
          .map((name) => `${sha256Of(files.get(`${folder}${name}`) ?? Buffer.alloc(0))}  ${name}\n`)
          .join(''),
      ),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
