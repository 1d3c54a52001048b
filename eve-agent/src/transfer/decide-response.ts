// SPDX-License-Identifier: Apache-2.0
import { STATUS_CODES } from 'node:http';
import { codingHint, mustBeDecoded, statedCoding } from './content-coding.ts';
import { ContentError, TransferError } from './errors.ts';
import { type HeaderFields, isContradicted, singleValue, type Validators } from './validators.ts';

/** What was asked for, and what is known of the bytes that are already here. */
export interface Expectation {
  /** What was asked for, without a query, which may hold secrets. */
  readonly url: string;
  /** The first byte that was asked for; 0: no `Range` was sent. */
  readonly position: number;
  /** Of the response that the stored bytes came from; null when none are stored. */
  readonly stored: { readonly validators: Validators; readonly totalBytes: number | null } | null;
  /** The exact size that the user gave. */
  readonly expectedBytes: number | null;
  /** Whether a digest will tell in the end if bytes are missing. */
  readonly isDigestKnown: boolean;
}

export type ResponseDecision =
  /** Store the body from `from`, which is the position asked for or 0. `totalBytes` is the server's word. */
  | { readonly kind: 'store'; readonly from: number; readonly totalBytes: number | null }
  /** All bytes are here already. */
  | { readonly kind: 'complete'; readonly totalBytes: number }
  /** The stored bytes, or ranges of this server, cannot be used: ask again for the whole file. */
  | { readonly kind: 'start-over'; readonly reason: string }
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'fail'; readonly error: TransferError | ContentError; readonly retryAfterMs?: number };

const CONTENT_RANGE = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i;
const UNSATISFIED_RANGE = /^bytes \*\/(\d{1,16})$/i;
const LENGTH = /^\d{1,16}$/;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** RFC 9110 §15.5.9 and RFC 6585 §4: the only client errors that the same request may not meet again. */
const RETRYABLE_CLIENT_ERRORS = new Set([408, 425, 429]);
const MAX_RETRY_AFTER_MS = 10 * 60 * 1000;

function invalid(message: string): ResponseDecision {
  return { kind: 'fail', error: new TransferError('RESPONSE_INVALID', message) };
}

function wrongSize(totalBytes: number, expectedBytes: number, headers: HeaderFields): ResponseDecision {
  const details = { sizeBytes: totalBytes, expectedBytes };
  const message = `the datastore's file has ${totalBytes} bytes, not the ${expectedBytes} that --size, maxSizeBytes or the manifest says${codingHint(statedCoding(headers))}`;
  return { kind: 'fail', error: new ContentError('SIZE_MISMATCH', message, { details }) };
}

/** RFC 9110 §10.2.3: seconds or a date. */
function retryAfterMs(headers: HeaderFields, nowMs: number): number | undefined {
  const value = singleValue(headers, 'retry-after');
  if (value === null) return undefined;
  const delayMs = LENGTH.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(delayMs) ? Math.min(Math.max(delayMs, 0), MAX_RETRY_AFTER_MS) : undefined;
}

/**
 * Decides what a response means for a download (RFC 9110 §14, §15; EVE contract §3 where EVE falls short).
 *
 * @param nowMs the time, for a `Retry-After` that is a date
 */
export function decideResponse(
  statusCode: number,
  headers: HeaderFields,
  expected: Expectation,
  nowMs: number,
): ResponseDecision {
  if (REDIRECTS.has(statusCode)) {
    const location = singleValue(headers, 'location');
    return location === null
      ? invalid(`status ${statusCode} without a Location`)
      : { kind: 'redirect', location };
  }
  if (statusCode === 416 && expected.position > 0) return decideUnsatisfied(headers, expected);
  if (statusCode !== 200 && statusCode !== 206) {
    const retryable = statusCode >= 500 || RETRYABLE_CLIENT_ERRORS.has(statusCode);
    const phrase = STATUS_CODES[statusCode];
    const answer = phrase === undefined ? String(statusCode) : `${statusCode} ${phrase}`;
    const message = `the datastore answered "${answer}" for ${expected.url}`;
    const delayMs = retryable ? retryAfterMs(headers, nowMs) : undefined;
    const details = { statusCode, ...(delayMs !== undefined && { retryAfterMs: delayMs }) };
    const error = new TransferError('HTTP_STATUS', message, { retryable, details });
    return { kind: 'fail', error, ...(delayMs !== undefined && { retryAfterMs: delayMs }) };
  }
  // The bytes are what they are: a digest or a size tells whether they are right, however they are labelled.
  const canTell = expected.isDigestKnown || expected.expectedBytes !== null;
  if (!canTell && mustBeDecoded(headers, expected.url)) {
    return invalid(
      `the datastore compresses the file (Content-Encoding: ${statedCoding(headers)}) though it was told not to: if it is only labelled so, give --sha256 or --size`,
    );
  }
  return statusCode === 206 ? decidePartial(headers, expected) : decideWhole(headers, expected);
}

function decideUnsatisfied(
  headers: HeaderFields,
  { position, stored, expectedBytes }: Expectation,
): ResponseDecision {
  const total = UNSATISFIED_RANGE.exec(singleValue(headers, 'content-range') ?? '')?.[1];
  const knownBytes = stored?.totalBytes ?? expectedBytes;
  const totalBytes = total === undefined ? knownBytes : Number(total);
  // A file that has shrunk to just the bytes that are here is another file.
  const isOfAnotherSize = knownBytes !== null && totalBytes !== knownBytes;
  const fits =
    totalBytes === position &&
    !isOfAnotherSize &&
    !(stored !== null && isContradicted(stored.validators, headers));
  return fits
    ? { kind: 'complete', totalBytes }
    : { kind: 'start-over', reason: `the datastore's file ends before byte ${position}` };
}

function decidePartial(
  headers: HeaderFields,
  { position, stored, expectedBytes }: Expectation,
): ResponseDecision {
  const range = CONTENT_RANGE.exec(singleValue(headers, 'content-range') ?? '');
  if (position === 0) return invalid('status 206 although no range was asked for');
  if (range === null) return { kind: 'start-over', reason: 'status 206 without a valid Content-Range' };
  const [first, last] = [Number(range[1]), Number(range[2])];
  const totalBytes = range[3] === '*' ? null : Number(range[3]);
  if (![first, last, totalBytes ?? 0].every(Number.isSafeInteger)) {
    return { kind: 'start-over', reason: `"${range[0]}" is beyond what can be counted` };
  }
  if (first !== position || last < first || (totalBytes !== null && last >= totalBytes)) {
    return { kind: 'start-over', reason: `asked for byte ${position} and on, got "${range[0]}"` };
  }
  const length = singleValue(headers, 'content-length');
  if (length !== null && Number(length) !== last - first + 1) {
    return { kind: 'start-over', reason: `Content-Length ${length} contradicts "${range[0]}"` };
  }
  if (stored !== null && isContradicted(stored.validators, headers)) {
    return { kind: 'start-over', reason: 'the file was replaced since its first part was downloaded' };
  }
  const knownBytes = stored?.totalBytes ?? null;
  if (totalBytes !== null && knownBytes !== null && totalBytes !== knownBytes) {
    return { kind: 'start-over', reason: `the file had ${knownBytes} bytes and now has ${totalBytes}` };
  }
  const sizeBytes = totalBytes ?? knownBytes ?? expectedBytes;
  // The end of such a range need not be the end of the file; a whole response shows where that is.
  if (sizeBytes === null)
    return { kind: 'start-over', reason: `"${range[0]}" does not say how long the file is` };
  if (last >= sizeBytes) {
    return { kind: 'start-over', reason: `"${range[0]}" is beyond the ${sizeBytes} bytes of the file` };
  }
  if (expectedBytes !== null && sizeBytes !== expectedBytes) {
    return wrongSize(sizeBytes, expectedBytes, headers);
  }
  return { kind: 'store', from: position, totalBytes: sizeBytes };
}

function decideWhole(headers: HeaderFields, { expectedBytes, isDigestKnown }: Expectation): ResponseDecision {
  const length = headers['content-length'];
  if (length === undefined) {
    const isChunked = singleValue(headers, 'transfer-encoding') !== null;
    if (isChunked || isDigestKnown || expectedBytes !== null) {
      return { kind: 'store', from: 0, totalBytes: null };
    }
    return invalid('the datastore does not say how long the file is: give --sha256 or --size');
  }
  const totalBytes = typeof length === 'string' && LENGTH.test(length) ? Number(length) : Number.NaN;
  if (!Number.isSafeInteger(totalBytes)) return invalid(`Content-Length "${length}" is no length`);
  if (expectedBytes !== null && totalBytes !== expectedBytes) {
    return wrongSize(totalBytes, expectedBytes, headers);
  }
  return { kind: 'store', from: 0, totalBytes };
}
