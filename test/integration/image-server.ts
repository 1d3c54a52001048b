// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers one request; `index` counts them from 0. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse, index: number) => unknown;

export interface ImageServer {
  readonly url: URL;
  /** The `Range` of each request, or null, in order. */
  readonly ranges: (string | null)[];
  readonly requests: IncomingMessage[];
  /** Bytes of bodies that were handed to the kernel. */
  sentBytes(): number;
  stop(): Promise<void>;
}

/** A web server on loopback that does what a test tells it to. */
export async function startImageServer(behaviour: Behaviour, port = 0): Promise<ImageServer> {
  const ranges: (string | null)[] = [];
  const requests: IncomingMessage[] = [];
  let sentBytes = 0;
  const server = createServer((request, response) => {
    ranges.push(request.headers.range ?? null);
    requests.push(request);
    const write = response.write.bind(response) as (chunk: Buffer, ...rest: unknown[]) => boolean;
    response.write = ((chunk: Buffer, ...rest: unknown[]) => {
      sentBytes += chunk.length;
      return write(chunk, ...rest);
    }) as typeof response.write;
    behaviour(request, response, requests.length - 1);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/image.img`),
    ranges,
    requests,
    sentBytes: () => sentBytes,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Bytes that look random and are the same at every run. */
export function makeImage(sizeBytes: number, seed = 'image'): Buffer {
  const block = createHash('shake256', { outputLength: 64 * 1024 })
    .update(seed)
    .digest();
  const image = Buffer.alloc(sizeBytes, block);
  // Every block differs, so that bytes at a wrong place are noticed.
  for (let offset = 0; offset + 4 <= sizeBytes; offset += block.length) image.writeUInt32BE(offset, offset);
  return image;
}

/** How far a range reaches: `bytes=5-` and `bytes=5-9` of a body. */
function firstByteOf(request: IncomingMessage): number | null {
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  return match === null ? null : Number(match[1]);
}

/**
 * Serves bytes as RFC 9110 says: ranges, If-Range by the strong entity tag, 416.
 *
 * @param stopAfterBytes cuts the connection after that many bytes of the body
 */
export function serveImage(
  request: IncomingMessage,
  response: ServerResponse,
  image: Buffer,
  { etag = `"${sha256Of(image)}"`, stopAfterBytes }: { etag?: string | null; stopAfterBytes?: number } = {},
): void {
  const ifRange = request.headers['if-range'];
  const wanted = firstByteOf(request);
  const first = wanted !== null && (ifRange === undefined || ifRange === etag) ? wanted : null;
  if (etag !== null) response.setHeader('ETag', etag);
  response.setHeader('Accept-Ranges', 'bytes');
  if (first !== null && first >= image.length) {
    response.writeHead(416, { 'Content-Range': `bytes */${image.length}` }).end();
    return;
  }
  const body = image.subarray(first ?? 0);
  if (first !== null)
    response.setHeader('Content-Range', `bytes ${first}-${image.length - 1}/${image.length}`);
  response.writeHead(first === null ? 200 : 206, { 'Content-Length': body.length });
  if (stopAfterBytes === undefined) {
    response.write(body);
    response.end();
  } else {
    cutAfter(response, body.subarray(0, stopAfterBytes));
  }
}

/** Sends the bytes, and cuts the connection once they have left. */
export function cutAfter(response: ServerResponse, bytes: Buffer): void {
  response.flushHeaders();
  response.socket?.write(bytes, () => response.socket?.end());
}
