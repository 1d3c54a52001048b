// SPDX-License-Identifier: Apache-2.0
import { closeSync, readSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Log } from '@local-datastore/shared/log';
import { networkOfClient } from '@local-datastore/shared/net/client-address';
import serveStatic from 'serve-static';
import type { DownloadLog } from '../activity/downloads.ts';
import { wholeFile } from '../content/byte-source.ts';
import type { FileVersion } from '../content/file-version.ts';
import { followContent } from '../content/follow-content.ts';
import { parseImagePath } from '../images/image-path.ts';
import type { OpenImage } from '../images/open-image.ts';
import type { RememberedImages } from '../images/remembered-images.ts';
import { createBufferPool } from './buffer-pool.ts';
import { decideRead, isForWhole } from './decide-read.ts';
import { createFileIdentities, type FileIdentity } from './file-identities.ts';
import { NO_SUCH_IMAGE } from './store-problem.ts';
import { beginTransfer, FileChangedError } from './transfer.ts';
import type { TransferMemory } from './transfer-memory.ts';

export interface FilesDeps {
  readonly log: Log;
  /** From createImageOpener. */
  readonly openImage: (path: string) => OpenImage | undefined;
  readonly remembered: RememberedImages;
  /** The sha256 of exactly this version of a file, once it is known. */
  readonly digestOf: (path: string, version: FileVersion) => string | undefined;
  readonly downloads: Pick<DownloadLog, 'begin'>;
  /** For everything that is sent. */
  readonly memory: TransferMemory;
  /** Whether exactly this version of a file is known to be damaged. */
  readonly isCorrupt: (path: string, version: FileVersion) => boolean;
  /** Answers for a path at which there is no image; absent: 404. */
  readonly absent?: (request: IncomingMessage, response: ServerResponse, path: string) => void;
}

/** Answers a request for the image at a URL path (without query). */
export type FilesHandler = (request: IncomingMessage, response: ServerResponse, urlPath: string) => void;

/** Up to this size one read and one write beat a stream; 8 MiB of memory for it, then streams after all. */
const WHOLE_READ_BYTES = 256 * 1024;
const MAX_WHOLE_READ_BUFFERS = 32;

/** What errors of the system mean for the client. Everything else is a 500. */
const SYSTEM_PROBLEMS: Readonly<Record<string, { status: number; detail: string }>> = {
  EACCES: { status: 403, detail: 'The datastore is not permitted to read this file.' },
  EPERM: { status: 403, detail: 'The datastore is not permitted to read this file.' },
  EMFILE: { status: 503, detail: 'The datastore has too many files open; try again.' },
  ENFILE: { status: 503, detail: 'The system has too many files open; try again.' },
};

/**
 * Serves images at their own path below the root: whole, in one range, on condition; GET and HEAD. A large
 * file is sent by serve-static, which is shown the one file that was opened and judged, under its name in
 * `/proc/self/fd`; what it leaves weak is decided beforehand (If-Range, If-Match, several ranges).
 */
export function createFilesHandler(deps: FilesDeps): FilesHandler {
  const { log, openImage, remembered, digestOf, isCorrupt, downloads, memory } = deps;
  const wholeReadPool = createBufferPool({
    bufferBytes: WHOLE_READ_BYTES,
    maxBuffers: MAX_WHOLE_READ_BUFFERS,
  });

  const identityOf = createFileIdentities();

  function fail(response: ServerResponse, path: string, error: unknown): void {
    const status = statusOf(error);
    if (error instanceof FileChangedError) {
      log.warn({ path }, 'the file was changed in place while it was being sent');
      const detail = 'The file is being written; try again.';
      sendProblem(response, { status: 503, detail }, { 'Retry-After': '1' });
    } else if (status === 416) {
      const detail = 'The range begins at or after the end of the file.';
      // serve-static has set Content-Range to the actual size (RFC 9110 §15.5.17).
      sendProblem(response, { status, detail });
    } else if (status === 412) {
      sendProblem(response, { status, detail: 'The file is not the one that the condition names.' });
    } else if (response.destroyed) {
      log.debug({ path, error: errorMessage(error) }, 'the client went away');
    } else {
      const problem = SYSTEM_PROBLEMS[systemErrorCode(error) ?? ''];
      log.error({ path, error: errorMessage(error) }, 'a file could not be sent');
      const fallback = { status: 500, detail: 'The file could not be read; the log says why.' };
      sendProblem(response, problem ?? fallback, problem?.status === 503 ? { 'Retry-After': '1' } : {});
    }
  }

  /** Whether it could be answered by what is remembered of an image. */
  function isSentFromMemory(response: ServerResponse, path: string): boolean {
    const image = remembered.find(path);
    if (image === undefined) return false;
    const { version, sha256, bytes } = image;
    if (digestOf(image.path, version) !== sha256 || isCorrupt(image.path, version)) return false;
    response.writeHead(200, identityOf(image.path, version, sha256).wholeHeaders);
    response.end(bytes);
    return true;
  }

  /** @param asked.path as it was asked for */
  function sendWhole(
    response: ServerResponse,
    image: OpenImage,
    { sha256, wholeHeaders }: FileIdentity,
    buffer: Buffer,
    { path, client }: { readonly path: string; readonly client: string },
  ): void {
    const { fd, version } = image;
    const { sizeBytes } = version;
    const isUnchanged = followContent(image);
    // Closed means flushed, or cut off: either way nothing reads the buffer any more.
    response.on('close', () => wholeReadPool.giveBack(client, buffer));
    try {
      let filled = 0;
      while (filled < sizeBytes) {
        const bytesRead = readSync(fd, buffer, filled, sizeBytes - filled, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      if (filled < sizeBytes || !isUnchanged()) throw new FileChangedError(image.path);
      if (sha256 !== undefined) remembered.noteRead(path, image, sha256, buffer.subarray(0, sizeBytes));
    } finally {
      closeSync(fd);
    }
    response.writeHead(200, wholeHeaders);
    response.end(buffer.subarray(0, sizeBytes));
  }

  /** @param headers those of the request that are left to be decided */
  function sendByServeStatic(
    request: IncomingMessage,
    response: ServerResponse,
    image: OpenImage,
    { validators, reprDigest }: FileIdentity,
    headers: IncomingHttpHeaders,
  ): void {
    response.setHeader('Content-Type', 'application/octet-stream');
    response.setHeader('Accept-Ranges', 'bytes');
    response.setHeader('ETag', validators.entityTag);
    response.setHeader('Last-Modified', validators.lastModified);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (reprDigest !== undefined) response.setHeader('Repr-Digest', reprDigest);
    downloads.begin(request, response, image.path);
    const share = memory.take(networkOfClient(request.socket), image.version.sizeBytes);
    const transfer = beginTransfer(wholeFile(image), image.path, response, share);
    // send 1.2 hands its options on to fs.createReadStream, though it does not say so: hence `fs` and
    // `highWaterMark`.
    const options = {
      dotfiles: 'allow',
      etag: false,
      lastModified: false,
      cacheControl: false,
      index: false,
      redirect: false,
      fallthrough: false,
      fs: transfer.fs,
      highWaterMark: transfer.chunkBytes,
    } as const;
    serveStatic('/proc/self/fd', options)(shownTo(request, image, headers), response, (error?: unknown) => {
      fail(response, image.path, error ?? new Error('serve-static passed the file on'));
    });
  }

  return (request, response, urlPath) => {
    const method = request.method ?? '';
    if (method !== 'GET' && method !== 'HEAD') {
      const detail = 'Images are read with GET or HEAD, and written with PUT, POST or DELETE.';
      sendProblem(response, { status: 405, detail }, { Allow: 'GET, HEAD, PUT, POST, DELETE' });
      return;
    }
    const path = parseImagePath(urlPath);
    if (path !== undefined && method === 'GET' && isForWhole(request.headers)) {
      if (isSentFromMemory(response, path)) return;
    }
    let image: OpenImage | undefined;
    try {
      if (path !== undefined) image = openImage(path);
    } catch (error) {
      fail(response, path ?? '', error);
      return;
    }
    if (image === undefined || path === undefined) {
      if (path !== undefined && deps.absent !== undefined) deps.absent(request, response, path);
      else sendProblem(response, NO_SUCH_IMAGE);
      return;
    }
    if (isCorrupt(image.path, image.version)) {
      closeSync(image.fd);
      const detail = 'The image was damaged on the disk of the datastore: it has to be replaced there.';
      sendProblem(response, { status: 503, code: 'IMAGE_CORRUPT', detail });
      return;
    }
    const identity = identityOf(image.path, image.version, digestOf(image.path, image.version));
    const { validators } = identity;
    const decision = decideRead(method, request.headers, validators, image.version.sizeBytes);
    if (decision.kind === 'condition-failed') {
      closeSync(image.fd);
      const detail = 'The file is not the one that If-Match names.';
      sendProblem(response, { status: 412, detail }, { ETag: validators.entityTag });
      return;
    }
    const { headers, entityTag, isPlain } = decision;
    const isWholeRead = method === 'GET' && isPlain && image.version.sizeBytes <= WHOLE_READ_BYTES;
    const client = networkOfClient(request.socket);
    const buffer = isWholeRead ? wholeReadPool.take(client) : undefined;
    if (buffer === undefined) {
      const shown = { ...identity, validators: { ...validators, entityTag } };
      sendByServeStatic(request, response, image, shown, headers);
      return;
    }
    try {
      sendWhole(response, image, identity, buffer, { path, client });
    } catch (error) {
      fail(response, image.path, error);
    }
  };
}

/**
 * The request as serve-static is to see it: for the open file, with the headers that are left to be decided. It is
 * all of a request that serve-static 2.2 and send 1.2 read. An object that has the request for its prototype would
 * do as well, but slow down every later request: V8 gives each prototype a shape of its own, and what has seen many
 * shapes, as Node's own code would, takes the slow way for all of them.
 */
function shownTo(
  { method }: IncomingMessage,
  { fd }: OpenImage,
  headers: IncomingHttpHeaders,
): IncomingMessage {
  return { method, url: `/${fd}`, headers } as IncomingMessage;
}

/** The `status` that send gives its errors. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof Error && 'status' in error && typeof error.status === 'number') return error.status;
  return undefined;
}
