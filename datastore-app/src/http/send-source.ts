// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { networkOfClient } from '@local-datastore/shared/net/client-address';
import { type ByteSource, createSourceReader, SourceChangedError } from '../content/byte-source.ts';
import { decideRead } from './decide-read.ts';
import { type Extent, sendPieces } from './send-pieces.ts';
import { FileChangedError } from './transfer.ts';
import type { TransferMemory } from './transfer-memory.ts';
import { isNoneMatch } from './validators.ts';

/** What is said of a byte source besides its bytes. */
export interface SourceAnswer {
  /** For the log. */
  readonly name: string;
  /** Strong, with its quotation marks: of exactly these bytes, now and for ever. */
  readonly entityTag: string;
  readonly contentType: string;
  /** Why it was not sent, once: FileChangedError, an error of the system, or one of {@link RefusedRead}. */
  onFailure(error: unknown): void;
}

/** What a client asked for in vain. Content-Range and ETag are set already. */
export class RefusedRead extends Error {
  /** 412: If-Match names other content; 416: the range begins behind the end. */
  readonly status: 412 | 416;

  constructor(status: 412 | 416) {
    super(
      status === 412
        ? 'the content is not the one that the condition names'
        : 'the range lies behind the end',
    );
    this.name = 'RefusedRead';
    this.status = status;
  }
}

/** Answers GET or HEAD with a byte source, and closes it. Headers that were set before are kept. */
export type SendSource = (
  request: IncomingMessage,
  response: ServerResponse,
  source: ByteSource,
  answer: SourceAnswer,
) => void;

/** Up to this size one read and one write beat a stream. */
const WHOLE_READ_BYTES = 64 * 1024;

/**
 * @param range as decideRange gives it: `bytes=5-9`, `bytes=5-` or `bytes=-5`
 * @returns undefined when it begins at or behind the end (RFC 9110 §14.1.2)
 */
export function extentOf(range: string, sizeBytes: number): Extent | undefined {
  const [first = '', last = ''] = range.slice('bytes='.length).split('-');
  const end = sizeBytes - 1;
  if (first === '') return Number(last) === 0 ? undefined : { start: sizeBytes - Number(last), end };
  const start = Number(first);
  return start > end ? undefined : { start, end: last === '' ? end : Math.min(Number(last), end) };
}

/** Sends byte sources as images are sent, from the same memory: whole, in one range, on condition. */
export function createSourceSender({ memory }: { readonly memory: TransferMemory }): SendSource {
  function sendSmall(
    response: ServerResponse,
    source: ByteSource,
    { start, end }: Extent,
    { name, onFailure }: SourceAnswer,
  ): void {
    const piece = Buffer.allocUnsafe(end - start + 1);
    createSourceReader(source).fill(piece, start, (error) => {
      source.close();
      if (error === null) response.end(piece);
      else onFailure(error instanceof SourceChangedError ? new FileChangedError(name) : error);
    });
  }

  function sendLarge(
    request: IncomingMessage,
    response: ServerResponse,
    source: ByteSource,
    { start, end }: Extent,
    { name, onFailure }: SourceAnswer,
  ): void {
    const share = memory.take(networkOfClient(request.socket), end - start + 1);
    sendPieces(response, source, { start, end }, share, (error) =>
      onFailure(error instanceof SourceChangedError ? new FileChangedError(name) : error),
    );
  }

  return (request, response, source, answer) => {
    const { entityTag } = answer;
    const { sizeBytes } = source;
    const refuse = (status: 412 | 416) => {
      source.close();
      response.setHeader('ETag', entityTag);
      answer.onFailure(new RefusedRead(status));
    };
    const validators = { entityTag, statTag: entityTag, lastModified: '' };
    const decision = decideRead(request.method ?? '', request.headers, validators, sizeBytes);
    if (decision.kind === 'condition-failed') {
      refuse(412);
      return;
    }
    response.setHeader('ETag', entityTag);
    response.setHeader('Accept-Ranges', 'bytes');
    const ifNoneMatch = decision.headers['if-none-match'];
    if (ifNoneMatch !== undefined && !isNoneMatch(ifNoneMatch, entityTag)) {
      source.close();
      response.statusCode = 304;
      response.end();
      return;
    }
    const { range } = decision.headers;
    const extent = range === undefined ? { start: 0, end: sizeBytes - 1 } : extentOf(range, sizeBytes);
    if (extent === undefined) {
      response.setHeader('Content-Range', `bytes */${sizeBytes}`);
      refuse(416);
      return;
    }
    const lengthBytes = extent.end - extent.start + 1;
    if (range !== undefined) {
      response.statusCode = 206;
      response.setHeader('Content-Range', `bytes ${extent.start}-${extent.end}/${sizeBytes}`);
    }
    response.setHeader('Content-Type', answer.contentType);
    response.setHeader('Content-Length', lengthBytes);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (request.method === 'HEAD' || lengthBytes === 0) {
      source.close();
      response.end();
    } else if (lengthBytes <= WHOLE_READ_BYTES) sendSmall(response, source, extent, answer);
    else sendLarge(request, response, source, extent, answer);
  };
}
