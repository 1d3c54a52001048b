// SPDX-License-Identifier: Apache-2.0
/** A request whose answer has ended, one way or the other. */
export interface FinishedRequest {
  /** One of the known methods, or `OTHER`: a client must not make up labels. */
  readonly method: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  /** image: at an image's path; registry: below `/v2/`; own: below `/-/`. */
  readonly kind: 'image' | 'registry' | 'own';
  readonly status: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly durationMs: number;
  readonly client: string;
  readonly userAgent: string | undefined;
  /** False: cut before the end. */
  readonly isComplete: boolean;
}
