// SPDX-License-Identifier: Apache-2.0
import { MAX_HEAD_BYTES } from './response-head.ts';

/** The head of a response that needs no full HTTP parser: final, and its body is `contentLength` raw bytes. */
export interface RegularHead {
  readonly statusCode: number;
  readonly statusMessage: string;
  /** Lower-case names; a repeated field is a list. */
  readonly headers: Record<string, string | string[]>;
  /** Bytes of the body, from `Content-Length`. */
  readonly contentLength: number;
  /** Where the body starts in the bytes that were read. */
  readonly bodyOffset: number;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const STATUS_LINE = /^HTTP\/1\.1 (200|206) ([\t\x20-\x7e\x80-\xff]*)$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/;
const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;

/**
 * Recognises the one kind of response that carries an image in bulk: HTTP/1.1, 200 or 206, exactly one
 * `Content-Length`, no `Transfer-Encoding`, no folded lines (RFC 9112 §4 to §6).
 *
 * @param bytes what was received so far, from the first byte of the response
 * @returns the head; `incomplete` when its end has not arrived; `irregular` when a full parser must judge it
 */
export function parseRegularHead(bytes: Buffer): RegularHead | 'incomplete' | 'irregular' {
  const end = bytes.indexOf(END_OF_HEAD);
  if (end === -1) return bytes.length < MAX_HEAD_BYTES ? 'incomplete' : 'irregular';
  if (end > MAX_HEAD_BYTES) return 'irregular';
  const [statusLine = '', ...fieldLines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = STATUS_LINE.exec(statusLine);
  if (status === null) return 'irregular';

  const headers: RegularHead['headers'] = Object.create(null);
  for (const line of fieldLines) {
    const field = FIELD_LINE.exec(line);
    if (field === null) return 'irregular';
    const name = (field[1] as string).toLowerCase();
    const value = (field[2] as string).trimEnd();
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  const length = headers['content-length'];
  if (typeof length !== 'string' || !DECIMAL.test(length) || !Number.isSafeInteger(Number(length))) {
    return 'irregular';
  }
  if ('transfer-encoding' in headers || 'upgrade' in headers) return 'irregular';
  return {
    statusCode: Number(status[1]),
    statusMessage: status[2] as string,
    headers,
    contentLength: Number(length),
    bodyOffset: end + END_OF_HEAD.length,
  };
}
