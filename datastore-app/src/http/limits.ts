// SPDX-License-Identifier: Apache-2.0
/** What clients may cost. */
export interface ConnectionLimits {
  /** More are refused at once. */
  readonly maxConnections: number;
  /** For the head of a request, which a slow client sends byte by byte. */
  readonly headerTimeoutMs: number;
  /** For the next byte, in either direction, while a request is under way. */
  readonly idleTimeoutMs: number;
}

/** Between two requests on one connection. */
export const KEEP_ALIVE_TIMEOUT_MS = 30_000;
/** What is queued for a client that does not read before its file is read no further. */
export const QUEUED_BYTES = 16 * 1024;
export const MAX_HEADER_BYTES = 16 * 1024;
