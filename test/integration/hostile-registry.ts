// SPDX-License-Identifier: Apache-2.0
/** A registry on loopback that does what a test says. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Content } from './registry-content.ts';

const OCI = 'application/vnd.oci.image';
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface HostileRegistry {
  /** Such as `127.0.0.1:40001`. */
  readonly host: string;
  /** Of the one large layer. */
  readonly layer: { readonly bytes: Buffer; readonly hex: string; readonly path: string };
  /** What came, as `GET /v2/… Bearer t`. */
  readonly requests: string[];
  /** Answers a path in a way of its own from now on; undefined: as it should. */
  onPath(path: string, answer: Answer | undefined): void;
  /** Has manifests and blobs, each by its digest, and the first of the manifests by a tag. */
  serve(
    repository: string,
    tag: string,
    manifests: readonly [Content, ...Content[]],
    blobs: readonly Content[],
  ): void;
  /** Decides before all else. @returns whether it has answered */
  onRequest(answer: (request: IncomingMessage, response: ServerResponse) => boolean): void;
  /** Cuts all connections there are. */
  cutAll(): void;
  close(): Promise<void>;
}

/** Where the range begins that is asked for. */
const rangeStart = ({ headers }: IncomingMessage) =>
  Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);

/** Sends so much of what should come, and no more; the connection is left as it is. */
export function sendStart(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  byteCount: number,
): Promise<void> {
  const from = rangeStart(request);
  const range = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(from === 0 ? 200 : 206, {
    'content-length': bytes.length - from,
    ...(from > 0 && range),
  });
  return new Promise((resolve) => response.write(bytes.subarray(from, from + byteCount), () => resolve()));
}

/** Sends bytes, or the range of them that is asked for. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  type = 'application/octet-stream',
): void {
  const from = rangeStart(request);
  const common = { 'content-type': type, 'accept-ranges': 'bytes', etag: `"${sha256(bytes)}"` };
  if (from === 0) response.writeHead(200, { ...common, 'content-length': bytes.length });
  else {
    const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(206, { ...common, 'content-range': range, 'content-length': bytes.length - from });
  }
  response.end(bytes.subarray(from));
}

export interface HostileRegistryOptions {
  /** Absent: any that is free. */
  readonly port?: number;
  /** PEM; absent: it speaks http. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** Has the image `a:1` of one layer. @param layerBytes how large that is */
export async function startHostileRegistry(
  layerBytes: number,
  { port = 0, tls }: HostileRegistryOptions = {},
): Promise<HostileRegistry> {
  const bytes = randomBytes(layerBytes);
  const config = Buffer.from('{"os":"linux","architecture":"amd64"}');
  const describe = (mediaType: string, content: Buffer) => ({
    ...{ mediaType: `${OCI}.${mediaType}`, digest: `sha256:${sha256(content)}`, size: content.length },
  });
  const manifest = Buffer.from(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json` },
      ...{ config: describe('config.v1+json', config), layers: [describe('layer.v1.tar', bytes)] },
    }),
  );
  const blobPath = (content: Buffer) => `/v2/a/blobs/sha256:${sha256(content)}`;
  const answers = new Map<string, Answer>([
    [blobPath(bytes), (request, response) => send(request, response, bytes)],
    [blobPath(config), (request, response) => send(request, response, config)],
    [
      '/v2/a/manifests/1',
      (request, response) => send(request, response, manifest, `${OCI}.manifest.v1+json`),
    ],
  ]);
  const own = new Map<string, Answer>();
  const requests: string[] = [];
  let first: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  const listener: RequestListener = (request, response) => {
    const { method, url = '', headers } = request;
    requests.push([method, url, headers.authorization ?? ''].join(' ').trim());
    response.on('error', () => {});
    if (first(request, response)) return;
    const answer = own.get(url) ?? answers.get(url);
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    layer: { bytes, hex: sha256(bytes), path: blobPath(bytes) },
    requests,
    onPath(path, answer) {
      if (answer === undefined) own.delete(path);
      else own.set(path, answer);
    },
    serve(repository, tag, manifests, blobs) {
      const at = (path: string, { bytes: content, descriptor }: Content, type = descriptor.mediaType) =>
        answers.set(`/v2/${repository}/${path}`, (request, response) => {
          response.setHeader('docker-content-digest', descriptor.digest);
          send(request, response, content, type);
        });
      for (const each of manifests) at(`manifests/${each.descriptor.digest}`, each);
      at(`manifests/${tag}`, manifests[0]);
      for (const each of blobs) at(`blobs/${each.descriptor.digest}`, each, 'application/octet-stream');
    },
    onRequest(answer) {
      first = answer;
    },
    cutAll: () => server.closeAllConnections(),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
