// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { StoreError } from '../content/store-error.ts';
import { isAway, UpstreamError } from './upstream-error.ts';
import type { ByteStream } from './upstream-requests.ts';

/** What is known of content before it comes, and how it is asked for. */
export interface Cargo {
  readonly digest: OciDigest;
  readonly sizeBytes: number;
  /** Whoever reads it verifies it. @throws UpstreamError */
  read(position: number, signal: AbortSignal): Promise<ByteStream>;
}

/** Where content is written while it comes. */
export interface Landing {
  /** Takes up what an earlier flight has left, or begins. @throws StoreError where there is no room */
  begin(): Promise<{ readonly id: string; readonly receivedBytes: number }>;
  /** Writes what comes next; what came before an error is kept. */
  append(
    id: string,
    position: number,
    content: AsyncIterable<Uint8Array>,
    onWritten: (receivedBytes: number) => void,
  ): Promise<unknown>;
  /** Verifies it, and puts it where it belongs. @throws StoreError DIGEST_MISMATCH; then nothing of it is kept */
  finish(id: string): Promise<void>;
  cancel(id: string): Promise<unknown>;
  /** What has come so far, for reading; undefined: it is where it belongs by now. */
  openFile(id: string): number | undefined;
}

export interface FlightDeps {
  readonly log: Log;
  /** Waits; rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** Withheld until the digest is right: no client ever has a whole blob that is wrong. */
const WITHHELD_BYTES = 64 * 1024;
/** Before what is cut off is asked for again; nothing arrives in between so many times, and the flight ends. */
const RETRY_MS = [500, 2000, 5000] as const;

/** Whoever reads a blob that is still coming waits here for what it needs. */
interface Waiter {
  readonly untilBytes: number;
  readonly settle: (error: Error | null) => void;
}

/** Content on its way here: it comes to its end, whether or not anybody goes on reading. */
export class Flight<Wanted extends Cargo = Cargo> {
  readonly wanted: Wanted;
  readonly #deps: FlightDeps;
  readonly #landing: Landing;
  readonly #signal: AbortSignal;
  readonly #left = new AbortController();
  /** Those that want it here and do not read along. */
  readonly #holders = new Set<symbol>();
  #isWanted = false;
  readonly #waiters = new Set<Waiter>();
  #id: string | undefined;
  #writtenBytes = 0;
  #isVerified = false;
  #failure: Error | undefined;
  #cameBytes = 0;
  /** Settles when the first bytes are here, or it is clear that none come. */
  readonly begun = Promise.withResolvers<void>();
  /** Settles when it is over, with why it failed; never rejects. */
  readonly ended: Promise<Error | undefined>;
  onReceived: (bytes: number) => void = () => {};
  /** How much can be read is another now. */
  onWritten: () => void = () => {};

  constructor(deps: FlightDeps, wanted: Wanted, landing: Landing, signal: AbortSignal) {
    this.#deps = deps;
    this.wanted = wanted;
    this.#landing = landing;
    this.#signal = AbortSignal.any([signal, this.#left.signal]);
    this.begun.promise.catch(() => {});
    this.ended = this.#run().then(
      () => this.#finish(undefined),
      async (error: Error) => {
        await this.#giveUp(error).catch(() => {});
        return this.#finish(error);
      },
    );
  }

  get receivedBytes(): number {
    return this.#writtenBytes;
  }

  /** What has come by this flight: without what was here from an earlier one. */
  get cameBytes(): number {
    return this.#cameBytes;
  }

  /** Nobody wants it any more: it is about to end. */
  get isLeft(): boolean {
    return this.#left.signal.aborted;
  }

  /** Somebody reads along: from now on it goes to its end, whoever leaves. */
  want(): void {
    this.#isWanted = true;
  }

  /** Somebody wants it here. @returns how to leave; when the last one has left whom nobody reads along with, it ends */
  hold(): (reason: Error) => void {
    const holder = Symbol('holder');
    this.#holders.add(holder);
    return (reason) => {
      this.#holders.delete(holder);
      if (this.#holders.size === 0 && !this.#isWanted) this.#left.abort(reason);
    };
  }

  /** How many bytes may be read by now. */
  #readableBytes(): number {
    return this.#isVerified
      ? this.wanted.sizeBytes
      : Math.min(this.#writtenBytes, this.wanted.sizeBytes - WITHHELD_BYTES);
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (waiter.untilBytes <= this.#readableBytes()) waiter.settle(null);
      else if (this.#failure !== undefined) waiter.settle(this.#failure);
    }
  }

  #finish(error: Error | undefined): Error | undefined {
    if (error !== undefined) {
      this.#failure = error;
      this.begun.reject(error);
    }
    this.begun.resolve();
    this.#wake();
    return error;
  }

  /** Waits until so many bytes may be read. @returns how to give up waiting */
  waitFor(untilBytes: number, callback: (error: Error | null) => void): () => void {
    const waiter: Waiter = {
      untilBytes,
      settle: (error) => {
        if (this.#waiters.delete(waiter)) callback(error);
      },
    };
    this.#waiters.add(waiter);
    this.#wake();
    return () => waiter.settle(new Error('nobody waits any more'));
  }

  /** The file that it is written to, for reading; undefined: it is where it belongs by now. */
  openFile(): number | undefined {
    return this.#id === undefined ? undefined : this.#landing.openFile(this.#id);
  }

  async #begin(): Promise<string> {
    const { id, receivedBytes } = await this.#landing.begin();
    this.#id = id;
    this.#writtenBytes = receivedBytes;
    this.onWritten();
    return id;
  }

  async *#counted(content: AsyncIterable<Uint8Array>, from: number): AsyncGenerator<Uint8Array> {
    const { sizeBytes, digest } = this.wanted;
    let position = from;
    for await (const piece of flushedWhenIdle(content, this.#deps.wait)) {
      position += piece.length;
      if (position > sizeBytes) {
        throw new UpstreamError('INVALID', `${formatDigest(digest)} has more than its ${sizeBytes} bytes`);
      }
      this.#cameBytes += piece.length;
      this.onReceived(piece.length);
      yield piece;
    }
  }

  /** One request. @returns whether anything came */
  async #receive(id: string): Promise<boolean> {
    const from = this.#writtenBytes;
    const { content, position } = await this.wanted.read(from, this.#signal);
    await this.#landing.append(
      id,
      from,
      this.#counted(position === from ? content : skip(content, from), from),
      (bytes) => {
        this.#writtenBytes = bytes;
        this.onWritten();
        this.begun.resolve();
        this.#wake();
      },
    );
    return this.#writtenBytes > from;
  }

  async #run(): Promise<void> {
    const { log } = this.#deps;
    const { digest, sizeBytes } = this.wanted;
    const id = await this.#begin();
    for (let failures = 0; this.#writtenBytes < sizeBytes; ) {
      const before = this.#writtenBytes;
      let error: unknown;
      try {
        await this.#receive(id);
        if (this.#writtenBytes === sizeBytes) break;
        error = new UpstreamError(
          'UNREACHABLE',
          `${formatDigest(digest)} ends after ${this.#writtenBytes} of ${sizeBytes} bytes`,
          {
            retryable: true,
          },
        );
      } catch (caught) {
        error = caught;
      }
      this.#signal.throwIfAborted();
      if (!(error instanceof UpstreamError) || !error.retryable) {
        throw error;
      }
      // A cut in the middle is no failure as long as it gets further.
      failures = this.#writtenBytes > before ? 0 : failures + 1;
      // Who reads along is not kept waiting for the first byte by an upstream that is not there; imports have time.
      if (isAway(error) && this.#isWanted && this.#cameBytes === 0 && failures > 1) throw error;
      const delayMs = RETRY_MS[failures === 0 ? 0 : failures - 1];
      if (delayMs === undefined) throw error;
      log.info({ digest: formatDigest(digest), reason: error.message }, 'an import was cut off, and goes on');
      await this.#deps.wait(delayMs, this.#signal);
    }
    try {
      await this.#landing.finish(id);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'DIGEST_MISMATCH') throw error;
      throw new UpstreamError('INVALID', `the upstream gives other content than ${formatDigest(digest)}`, {
        cause: error,
      });
    }
    this.#isVerified = true;
  }

  /**
   * What came is of no use where the upstream has given something else, and in others' way where it fills the volume;
   * where nothing came, nothing is kept either.
   */
  async #giveUp(error: unknown): Promise<void> {
    const isInvalid = error instanceof UpstreamError && error.code === 'INVALID';
    const isFull =
      error instanceof StoreError && (error.code === 'NO_SPACE' || error.code === 'QUOTA_EXCEEDED');
    const isOfUse = this.#writtenBytes > 0 && !isInvalid && !isFull;
    if (this.#id !== undefined && !isOfUse) await this.#landing.cancel(this.#id);
  }
}

/** An upstream that pauses so long has what has come from it written, for those who read along. */
const IDLE_MS = 50;
const NOTHING = new Uint8Array(0);

/** Puts an empty piece where more takes its time. */
async function* flushedWhenIdle(
  content: AsyncIterable<Uint8Array>,
  wait: FlightDeps['wait'],
): AsyncGenerator<Uint8Array> {
  const iterator = content[Symbol.asyncIterator]();
  let hasUnwritten = false;
  try {
    for (;;) {
      const next = iterator.next();
      if (hasUnwritten) {
        const waiting = new AbortController();
        const idle = wait(IDLE_MS, waiting.signal).then(
          () => true,
          () => false,
        );
        const isIdle = await Promise.race([idle, next.then(() => false)]);
        waiting.abort();
        if (isIdle) yield NOTHING;
      }
      const { done, value } = await next;
      if (done) return;
      hasUnwritten = true;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Leaves out what is here already, where an upstream begins at the beginning. */
async function* skip(content: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const piece of content) {
    if (piece.length > left) yield piece.subarray(left);
    left = Math.max(0, left - piece.length);
  }
}
