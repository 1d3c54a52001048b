// SPDX-License-Identifier: Apache-2.0
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type { BodyReceiver } from './fetch-body.ts';
import type { BodyEnd, RawBody } from './raw-body.ts';
import type { Validators } from './validators.ts';

/** Where stored bytes come from, kept with them, so that a later run can go on. */
export interface StoredRecord {
  /** As the user gave it, with the datastore's name, not its address of the day. */
  readonly url: string;
  /** The digest that was asked for, if any. */
  readonly digest: OciDigest | null;
  readonly totalBytes: number | null;
  readonly validators: Validators;
}

/** What all bytes together must be; null: nobody has said. */
export interface ExpectedContent {
  readonly sizeBytes: number | null;
  readonly digest: OciDigest | null;
}

/** Whether what has come is what was wanted. The digest is the one of what has come. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly digest: OciDigest }
  | { readonly kind: 'wrong-size' }
  | { readonly kind: 'wrong-digest'; readonly digest: OciDigest };

/** The one place that a download writes to: a download knows neither its name nor what it is made of. */
export interface Target {
  /**
   * Takes the place for this download alone.
   *
   * @throws CodedError such as `TARGET_BUSY` when another download has it
   */
  open(): Promise<OpenTarget>;
}

/**
 * A place while it is being written to. Its promises reject with a CodedError when the place does not take what it
 * should, as `NO_SPACE`; failures between calls go to the one who listens.
 */
export interface OpenTarget extends BodyReceiver {
  /** What an earlier run left; null when there is nothing, or nothing that can be told where it came from. */
  readonly stored: { readonly record: StoredRecord; readonly sizeBytes: number } | null;
  /** How many bytes of the file were taken in: the next byte's offset. */
  readonly position: number;
  /** The memory that the next bytes may be put into before `take`; undefined while there is none. */
  region(): Uint8Array | undefined;
  /**
   * Takes a body in from its flow itself, where it can do better than to be told each byte; absent: it never can. What
   * came of it counts by `position`.
   *
   * @returns undefined: it cannot from this flow
   */
  takeFrom?(body: RawBody, signal: AbortSignal): Promise<BodyEnd> | undefined;
  /** Goes on behind the `stored` bytes. */
  resume(): Promise<void>;
  /**
   * Forgets all that was taken in, requires room, and keeps where the bytes come from that are to be taken in now: one
   * step, as it is one of every download.
   */
  begin(neededBytes: number, record: StoredRecord): Promise<void>;
  /** Forgets all that was taken in. */
  restart(): Promise<void>;
  /** Rejects when there is less room than this. */
  requireSpace(neededBytes: number): Promise<void>;
  /**
   * Judges what was taken in, and where it is accepted gives it its name: after it the target is whole, whatever
   * happens.
   */
  publish(expected: ExpectedContent): Promise<Verdict>;
  /**
   * Ends what failed.
   *
   * @param isWrong whether what has arrived is of no use; otherwise it is kept for the next run
   */
  abandon(isWrong: boolean): Promise<void>;
  /** Lets the place go. */
  close(): Promise<void>;
}
