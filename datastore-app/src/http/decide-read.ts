// SPDX-License-Identifier: Apache-2.0
import type { IncomingHttpHeaders } from 'node:http';
import { decideEntityTag, decideRange, isMatch, type Validators } from './validators.ts';

/** What a request for a file comes to, before a byte of it is read. */
export type ReadDecision =
  /** If-Match names another file. */
  | { readonly kind: 'condition-failed' }
  | {
      readonly kind: 'read';
      /** Of the request, with what is left to be decided: one range that counts, and the conditions on caches. */
      readonly headers: IncomingHttpHeaders;
      /** The ETag of the answer. */
      readonly entityTag: string;
      /** Nothing is left to be decided: the whole file is the answer. */
      readonly isPlain: boolean;
    };

const asksNothingDecided = (headers: IncomingHttpHeaders) =>
  headers['if-match'] === undefined && headers['if-range'] === undefined && headers.range === undefined;

/** Of those of RFC 9110 §13.1 that serve-static decides as it should. */
const hasNoCondition = (headers: IncomingHttpHeaders) =>
  headers['if-none-match'] === undefined &&
  headers['if-modified-since'] === undefined &&
  headers['if-unmodified-since'] === undefined;

/** Whether a request, by its headers, is for the whole of a file whatever that is. */
export const isForWhole = (headers: IncomingHttpHeaders): boolean =>
  asksNothingDecided(headers) && hasNoCondition(headers);

/**
 * Decides what serve-static leaves weak: If-Match, If-Range, and which range counts (RFC 9110 §13.2.2, §14.2).
 *
 * @param sizeBytes of the whole file
 */
export function decideRead(
  method: string,
  headers: IncomingHttpHeaders,
  validators: Validators,
  sizeBytes: number,
): ReadDecision {
  // As most requests are: nothing is copied for these.
  if (asksNothingDecided(headers)) {
    return { kind: 'read', headers, entityTag: validators.entityTag, isPlain: hasNoCondition(headers) };
  }
  const { 'if-match': ifMatch, 'if-range': _ifRange, range: _range, ...left } = headers;
  if (ifMatch !== undefined) {
    if (!isMatch(ifMatch, validators)) return { kind: 'condition-failed' };
    // Where it is given, it stands for If-Unmodified-Since.
    delete left['if-unmodified-since'];
  }
  const range = decideRange(method, headers, validators, sizeBytes);
  const entityTag = decideEntityTag(headers, validators);
  if (range !== undefined) return { kind: 'read', headers: { ...left, range }, entityTag, isPlain: false };
  return { kind: 'read', headers: left, entityTag, isPlain: hasNoCondition(left) };
}
