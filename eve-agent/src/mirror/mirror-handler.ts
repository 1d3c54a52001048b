import type { IncomingMessage, ServerResponse } from 'node:http';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { type OciErrorCode, ociErrorBody } from '@local-datastore/shared/oci/error-body';
import { type ByteRange, type MirrorRequest, parseByteRange, parseMirrorRequest } from './mirror-path.ts';
import type { MirroredImages } from './mirrored-images.ts';

/**
 * Writes content that is here into a response. What turns out to be wrong is not written to its end.
 *
 * @throws ContentError; that of the system, or of a client that has left
 */
export type SendContent = (
  hex: string,
  range: ByteRange | 'whole',
  response: ServerResponse,
) => Promise<void>;

export interface MirrorHandlerDeps {
  readonly images: MirroredImages;
  readonly send: SendContent;
  readonly log: Log;
}

interface Refusal {
  readonly status: number;
  readonly code: OciErrorCode;
}

const NOT_HERE: Readonly<Record<string, Refusal>> = {
  IMAGE_NOT_FOUND: { status: 404, code: 'MANIFEST_UNKNOWN' },
  DATASTORE_NOT_FOUND: { status: 404, code: 'NAME_UNKNOWN' },
  ACCESS_DENIED: { status: 403, code: 'DENIED' },
};

/** The cause in plain words: a client asks elsewhere, or says it to its user. */
function refusalOf(error: unknown, kind: MirrorRequest['kind']): Refusal {
  const code = error instanceof CodedError ? error.code : '';
  const isMissing = error instanceof CodedError && error.details.statusCode === 404;
  if (kind === 'blob' && isMissing) return { status: 404, code: 'BLOB_UNKNOWN' };
  return NOT_HERE[code] ?? { status: 502, code: 'UNKNOWN' };
}

function refuse(response: ServerResponse, { status, code }: Refusal, message: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = ociErrorBody([{ code, message }]);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function sendBytes(response: ServerResponse, type: string, bytes: Buffer, more: object = {}): void {
  response.writeHead(200, { 'content-type': type, 'content-length': bytes.length, ...more });
  // Node sends no body in answer to HEAD.
  response.end(bytes);
}

/** @param isOwnHost whether the `Host` of a request names the mirror itself */
export function createMirrorHandler(
  { images, send, log }: MirrorHandlerDeps,
  isOwnHost: (host: string) => boolean,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  async function sendBlob(
    hex: string,
    sizeBytes: number,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    const range = parseByteRange(request.headers.range, sizeBytes);
    const digest = `sha256:${hex}`;
    const common = { 'accept-ranges': 'bytes', 'docker-content-digest': digest, etag: `"${digest}"` };
    if (range === 'none') {
      response.writeHead(416, { ...common, 'content-range': `bytes */${sizeBytes}` }).end();
      return;
    }
    const { first, last } = range === 'whole' ? { first: 0, last: sizeBytes - 1 } : range;
    response.writeHead(range === 'whole' ? 200 : 206, {
      ...common,
      ...{ 'content-type': 'application/octet-stream', 'content-length': last - first + 1 },
      ...(range !== 'whole' && { 'content-range': `bytes ${first}-${last}/${sizeBytes}` }),
    });
    if (request.method === 'HEAD' || sizeBytes === 0) response.end();
    else await send(hex, range, response);
  }

  async function answer(
    asked: MirrorRequest,
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    switch (asked.kind) {
      case 'base':
        sendBytes(response, 'application/json', Buffer.from('{}'), {
          'docker-distribution-api-version': 'registry/2.0',
        });
        return;
      case 'manifest': {
        const { bytes, digest, mediaType } = await images.readManifest(asked.name, asked.reference, signal);
        sendBytes(response, mediaType, bytes, { 'docker-content-digest': digest, etag: `"${digest}"` });
        return;
      }
      case 'tags': {
        const { host, repository } = asked.name;
        const { tags, hasMore } = await images.listTags(asked.name, asked.query, signal);
        const last = tags.at(-1);
        const next = new URLSearchParams(asked.query);
        next.set('last', last ?? '');
        const path = request.url?.split('?')[0] ?? '';
        const link = hasMore && last !== undefined ? { link: `<${path}?${next}>; rel="next"` } : {};
        const name = asked.query.has('ns') ? repository : `${host}/${repository}`;
        sendBytes(response, 'application/json', Buffer.from(JSON.stringify({ name, tags })), link);
        return;
      }
      case 'blob': {
        if (asked.digest.algorithm !== 'sha256') {
          const message = `${formatDigest(asked.digest)}: blobs are verified by sha256 only`;
          refuse(response, { status: 404, code: 'BLOB_UNKNOWN' }, message);
          return;
        }
        const { hex } = asked.digest;
        await sendBlob(hex, await images.ensureBlob(asked.name, hex), request, response);
        return;
      }
      case 'unknown':
        refuse(
          response,
          { status: 404, code: 'NAME_UNKNOWN' },
          'The mirror has images of hosts on .local only.',
        );
    }
  }

  return async (request, response) => {
    response.on('error', () => {});
    const { method, url = '' } = request;
    if (!isOwnHost(request.headers.host ?? '')) {
      // A page of the web whose name leads here by now.
      refuse(response, { status: 403, code: 'DENIED' }, 'The mirror is asked by its address.');
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      refuse(response, { status: 405, code: 'UNSUPPORTED' }, 'Images are only read here.');
      return;
    }
    const left = new AbortController();
    response.on('close', () => left.abort(new Error('nobody waits for the answer any more')));
    const asked = parseMirrorRequest(url);
    try {
      await answer(asked, request, response, left.signal);
    } catch (error) {
      if (!left.signal.aborted) log.warn({ url, reason: errorMessage(error) }, 'an image could not be had');
      refuse(response, refusalOf(error, asked.kind), errorMessage(error));
    }
  };
}
