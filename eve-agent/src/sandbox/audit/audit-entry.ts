// SPDX-License-Identifier: Apache-2.0
/** One thing that happened, as whoever saw it tells it. */
export interface AuditEntry {
  /** Who did it: a calf, a handler, or priv itself. */
  readonly actor: string;
  /** What was asked for, such as `write`. */
  readonly op: string;
  /** What it was done to, such as `/ip`. */
  readonly path: string;
  /** The log keeps its sha256 alone: a value may be secret. */
  readonly value?: Uint8Array;
  /** `ok`, or why not: a code such as `DENIED`. */
  readonly verdict: string;
  /** The system handler that acted on it. */
  readonly handler?: string;
}

/** Where what happened is told; never throws, and never waits. */
export interface AuditSink {
  append(entry: AuditEntry): void;
}
