// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import type { FlowReader } from './flow.ts';

/** A body that stands in its flow byte for byte: nothing of it is left to be parsed. */
export interface RawBody {
  readonly flow: Duplex;
  /** What was read of it together with its head. */
  readonly first: Buffer;
  /** How many bytes of it are still to be read from the flow. */
  readonly restBytes: number;
}

/** How the reading of a body ended, but for what its receiver says. */
export type BodyEnd =
  | { readonly kind: 'whole' }
  /** Nothing came for too long. */
  | { readonly kind: 'stalled' }
  | { readonly kind: 'lost'; readonly error: Error };

/** A flow that nobody reads until it is told where to. */
export interface UnreadFlow {
  readonly flow: Duplex;
  /** Lets it be read from now on. */
  read(reader: FlowReader): void;
}
