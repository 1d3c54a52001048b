// SPDX-License-Identifier: Apache-2.0
/** For tests: a registry on loopback with one repository, which is disturbed as it is told. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { formatDigest, type OciAlgorithm } from '@local-datastore/shared/oci/digest';

/** What is answered in place of the document. */
export type Disturbance = (response: ServerResponse, document: Buffer) => void | Promise<void>;

export const refuse =
  (statusCode: number): Disturbance =>
  (response) =>
    void response.writeHead(statusCode).end();

/** Bytes of that length that are others. */
export const damage: Disturbance = (response, document) =>
  void response.writeHead(200, { 'content-length': document.length }).end(Buffer.alloc(document.length, 'x'));

/** Says half of it, and does then what is to be done. @returns whether the rest is to come */
export const sayHalf =
  (then: () => boolean | Promise<boolean>): Disturbance =>
  async (response, document) => {
    const half = document.length / 2;
    response.writeHead(200, { 'content-length': document.length, etag: '"one"', 'accept-ranges': 'bytes' });
    await new Promise<void>((resolve) => response.write(document.subarray(0, half), () => resolve()));
    if (await then()) response.end(document.subarray(half));
    else response.destroy();
  };
export const cut = sayHalf(() => false);

export interface DisturbedRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Adds a document. @returns its digest */
  put(kind: 'blobs' | 'manifests', bytes: Buffer, mediaType?: string, algorithm?: OciAlgorithm): string;
  tag(name: string, digest: string): void;
  /** The next requests for a document are answered so, in turn; those after them as they should be. */
  disturb(reference: string, ...disturbances: readonly Disturbance[]): void;
  /** Tokens are wanted from now on. */
  wantTokens(): void;
  /** The requests for documents that came, each by its reference and its range. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

const REPOSITORY = 'app';
const TOKEN = 'a-token';

export async function serveRegistry(): Promise<DisturbedRegistry> {
  const documents = new Map<string, { readonly bytes: Buffer; readonly mediaType: string }>();
  const disturbed = new Map<string, Disturbance[]>();
  const requests: string[] = [];
  let wantsTokens = false;

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? '', 'http://registry').pathname;
    if (path === '/token') {
      response.end(JSON.stringify({ token: TOKEN }));
      return;
    }
    const { authorization, range } = request.headers;
    if (wantsTokens && authorization !== `Bearer ${TOKEN}`) {
      const challenge = `Bearer realm="http://${host}/token",service="registry"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return;
    }
    const [, kind, reference = ''] = new RegExp(`^/v2/${REPOSITORY}/(\\w+)/(.*)$`).exec(path) ?? [];
    requests.push([reference, range ?? []].flat().join(' '));
    const found = documents.get(`${kind}/${reference}`);
    if (found === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { bytes, mediaType } = found;
    const disturbance = disturbed.get(reference)?.shift();
    if (disturbance !== undefined) {
      void disturbance(response, bytes);
      return;
    }
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (from >= bytes.length && from > 0) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}`, etag: '"one"' }).end();
      return;
    }
    const last = bytes.length - 1;
    const part = from === 0 ? {} : { 'content-range': `bytes ${from}-${last}/${bytes.length}` };
    const headers = { 'content-type': mediaType, etag: '"one"', 'content-length': bytes.length - from };
    response.writeHead(from === 0 ? 200 : 206, { ...headers, ...part }).end(bytes.subarray(from));
  }

  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...{ host, requests },
    put(kind, bytes, mediaType = 'application/octet-stream', algorithm = 'sha256') {
      const digest = formatDigest(contentDigest(bytes, algorithm));
      documents.set(`${kind}/${digest}`, { bytes, mediaType });
      return digest;
    },
    tag(name, digest) {
      const document = documents.get(`manifests/${digest}`);
      if (document !== undefined) documents.set(`manifests/${name}`, document);
    },
    disturb: (reference, ...disturbances) => void disturbed.set(reference, [...disturbances]),
    wantTokens() {
      wantsTokens = true;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
