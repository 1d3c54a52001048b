// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { type OciErrorCode, ociErrorBody } from '@local-datastore/shared/oci/error-body';
import { OCI_INDEX } from '@local-datastore/shared/oci/media-types';
import { readTagList } from '../registry/tag-list.ts';
import { singleValue } from '../transfer/validators.ts';
import type { OpenBlob } from './blob-flights.ts';
import { parseByteRange } from './byte-range.ts';
import { type MirroredName, type MirrorRequest, parseMirrorRequest, pathName } from './mirror-path.ts';
import type { MirroredImages, MirroredManifest } from './mirrored-images.ts';

export interface MirrorHandlerDeps {
  readonly images: MirroredImages;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  wallMs(): number;
}

interface Refusal {
  readonly status: number;
  readonly code: OciErrorCode;
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  IMAGE_NOT_FOUND: { status: 404, code: 'MANIFEST_UNKNOWN' },
  DATASTORE_NOT_FOUND: { status: 404, code: 'NAME_UNKNOWN' },
  NOT_MIRRORED: { status: 404, code: 'NAME_UNKNOWN' },
  ACCESS_DENIED: { status: 403, code: 'DENIED' },
  NO_SPACE: { status: 507, code: 'UNKNOWN' },
  BUSY: { status: 429, code: 'TOOMANYREQUESTS' },
};
const RETRY_SECONDS = 5;

/** The cause in plain words: a client asks elsewhere, or says it to its user. */
function refusalOf(error: unknown, kind: MirrorRequest['kind']): Refusal {
  const code = error instanceof CodedError ? error.code : '';
  const isMissing = error instanceof CodedError && error.details.statusCode === 404;
  if (kind === 'blob' && isMissing) return { status: 404, code: 'BLOB_UNKNOWN' };
  if (kind === 'tags' && isMissing) return { status: 404, code: 'NAME_UNKNOWN' };
  return REFUSALS[code] ?? { status: 502, code: 'UNKNOWN' };
}

function refuse(response: ServerResponse, { status, code }: Refusal, message: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = ociErrorBody([{ code, message }]);
  if (status === 429) response.setHeader('retry-after', RETRY_SECONDS);
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

/** Whether a client shows a name or a password, and not the empty ones that some send where they have none. */
const showsCredential = (value: string | undefined): boolean =>
  value !== undefined && !/^basic\s+(?:Og==)?\s*$/i.test(value);

const pageQuery = (query: URLSearchParams, ...keys: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    keys.flatMap((key) => {
      const value = query.get(key);
      return value === null ? [] : [[key, value]];
    }),
  );

/** @param isOwnHost whether the `Host` of a request names the mirror itself */
export function createMirrorHandler(
  { images, log, wallMs }: MirrorHandlerDeps,
  isOwnHost: (host: string) => boolean,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  async function sendBlob(
    digest: OciDigest,
    blob: OpenBlob,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { sizeBytes } = blob;
    const range = parseByteRange(request.headers.range, sizeBytes);
    const text = formatDigest(digest);
    const common = { 'accept-ranges': 'bytes', 'docker-content-digest': text, etag: `"${text}"` };
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
    if (request.method === 'HEAD' || sizeBytes === 0) {
      response.end();
      return;
    }
    // The head goes at once: the first bytes may take their time.
    response.flushHeaders();
    await pipeline(blob.read(first, last), response);
  }

  function sendManifest(
    { bytes, digest, mediaType, asOfMs }: MirroredManifest,
    response: ServerResponse,
  ): void {
    const age = asOfMs === null ? 0 : Math.max(Math.floor((wallMs() - asOfMs) / 1000), 0);
    sendBytes(response, mediaType, bytes, {
      ...{ 'docker-content-digest': digest, etag: `"${digest}"` },
      // RFC 9111 §5.1; and RFC 7234 §5.5.2, which says it in words.
      ...(asOfMs !== null && { age, warning: '111 eve-agent "the datastore does not answer"' }),
    });
  }

  /** The path of the next page, as it is asked for here. */
  function linkOf(url: string, query: URLSearchParams, last: string): string {
    const next = new URLSearchParams(query);
    next.set('last', last);
    return `<${url.split('?')[0]}?${next}>; rel="next"`;
  }

  async function sendTags(
    name: MirroredName,
    query: URLSearchParams,
    url: string,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const { bytes, headers } = await images.readList(
      name,
      'tags',
      'list',
      pageQuery(query, 'n', 'last'),
      signal,
    );
    const tags = readTagList(bytes);
    const last = tags.at(-1);
    const hasMore = singleValue(headers, 'link') !== null;
    const shown = query.has('ns') ? name.repository : pathName(name);
    const body = Buffer.from(JSON.stringify({ name: shown, tags }));
    const more = hasMore && last !== undefined ? { link: linkOf(url, query, last) } : {};
    sendBytes(response, 'application/json', body, more);
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
      case 'manifest':
        sendManifest(await images.readManifest(asked.name, asked.reference, signal), response);
        return;
      case 'tags':
        await sendTags(asked.name, asked.query, request.url ?? '', response, signal);
        return;
      case 'referrers': {
        const query = pageQuery(asked.query, 'artifactType');
        const { bytes, headers } = await images.readList(
          ...([asked.name, 'referrers', formatDigest(asked.digest), query, signal] as const),
        );
        const filters = singleValue(headers, 'oci-filters-applied');
        sendBytes(response, OCI_INDEX, bytes, filters === null ? {} : { 'oci-filters-applied': filters });
        return;
      }
      case 'blob': {
        const isWhole = request.headers.range === undefined;
        const blob = await images.openBlob(asked.name, asked.digest, isWhole);
        try {
          if (!signal.aborted) await sendBlob(asked.digest, blob, request, response);
        } finally {
          blob.release();
        }
        return;
      }
      case 'unknown':
        refuse(
          response,
          { status: 404, code: 'NAME_UNKNOWN' },
          'The mirror has images by names of registries, as /v2/ds.local/group/app/manifests/1.',
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
    if (showsCredential(request.headers.authorization)) {
      const message = 'The mirror passes no credential on: give it to the mirror itself, by --registry-auth.';
      refuse(response, { status: 403, code: 'DENIED' }, message);
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
