import { closeSync, read } from 'node:fs';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { OpenBlob, RegistryStore } from '../blobs/registry-store.ts';
import { type ArrivingSegment, byteSourceOf } from '../content/byte-source.ts';
import { StoreError } from '../content/store-error.ts';
import type { UpstreamClient } from './upstream-client.ts';
import { UpstreamError } from './upstream-error.ts';

/** Where a blob comes from, and to whom it belongs here. */
export interface Wanted {
  readonly client: Pick<UpstreamClient, 'openBlob'>;
  /** As the upstream calls it. */
  readonly upstreamRepository: string;
  /** As it is called here. */
  readonly repository: string;
  readonly digest: OciDigest;
  readonly sizeBytes: number;
}

/** Blobs on their way from upstreams: each comes once, however many ask for it. */
export interface Flights {
  /**
   * A blob whose bytes can be read as they arrive; the last of them only when all have been verified. It comes in to
   * its end, whether or not anybody goes on reading.
   *
   * @returns undefined where it is all here by now: the store has it
   * @throws UpstreamError where nothing comes; StoreError where there is no room
   */
  open(wanted: Wanted): Promise<OpenBlob | undefined>;
  /** Those that are under way. */
  list(): readonly FlightStatus[];
  /** Bytes that have come from upstreams since the start. */
  receivedBytes(): number;
  /** Ends all; what has come is gone on from later. */
  stop(): Promise<void>;
}

export interface FlightStatus {
  readonly digest: string;
  readonly repository: string;
  readonly receivedBytes: number;
  readonly sizeBytes: number;
}

export interface FlightsDeps {
  readonly log: Log;
  readonly store: Pick<
    RegistryStore,
    'createUpload' | 'appendUpload' | 'finishUpload' | 'cancelUpload' | 'openUpload' | 'findImport'
  >;
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

class Flight {
  readonly wanted: Wanted;
  readonly #deps: FlightsDeps;
  readonly #signal: AbortSignal;
  readonly #waiters = new Set<Waiter>();
  #uploadId: string | undefined;
  #writtenBytes = 0;
  #isVerified = false;
  #failure: Error | undefined;
  /** Settles when the first bytes are here, or it is clear that none come. */
  readonly begun = Promise.withResolvers<void>();
  /** Settles when it is over; never rejects. */
  readonly ended: Promise<void>;
  onReceived: (bytes: number) => void = () => {};

  constructor(deps: FlightsDeps, wanted: Wanted, signal: AbortSignal) {
    this.#deps = deps;
    this.wanted = wanted;
    this.#signal = signal;
    this.begun.promise.catch(() => {});
    this.ended = this.#run().then(
      () => this.#finish(null),
      (error: Error) => this.#finish(error),
    );
  }

  get receivedBytes(): number {
    return this.#writtenBytes;
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

  #finish(error: Error | null): void {
    if (error !== null) {
      this.#failure = error;
      this.begun.reject(error);
    }
    this.begun.resolve();
    this.#wake();
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

  /** The file that it is written to, for reading; undefined: it is a blob of the store by now. */
  openFile(): number | undefined {
    const { repository } = this.wanted;
    return this.#uploadId === undefined ? undefined : this.#deps.store.openUpload(repository, this.#uploadId);
  }

  async #begin(): Promise<string> {
    const { store } = this.#deps;
    const { repository, digest } = this.wanted;
    const earlier = store.findImport(repository, digest);
    const upload =
      earlier ?? (await store.createUpload(repository, { algorithm: digest.algorithm, expected: digest }));
    this.#uploadId = upload.id;
    this.#writtenBytes = upload.receivedBytes;
    return upload.id;
  }

  async *#counted(content: AsyncIterable<Uint8Array>, from: number): AsyncGenerator<Uint8Array> {
    const { sizeBytes, digest } = this.wanted;
    let position = from;
    for await (const piece of flushedWhenIdle(content, this.#deps.wait)) {
      position += piece.length;
      if (position > sizeBytes) {
        throw new UpstreamError('INVALID', `${formatDigest(digest)} has more than its ${sizeBytes} bytes`);
      }
      this.onReceived(piece.length);
      yield piece;
    }
  }

  /** One request. @returns whether anything came */
  async #receive(id: string): Promise<boolean> {
    const { client, upstreamRepository, repository, digest } = this.wanted;
    const from = this.#writtenBytes;
    const { content, position } = await client.openBlob(upstreamRepository, digest, from, this.#signal);
    await this.#deps.store.appendUpload(
      repository,
      id,
      from,
      this.#counted(position === from ? content : skip(content, from), from),
      (bytes) => {
        this.#writtenBytes = bytes;
        this.begun.resolve();
        this.#wake();
      },
    );
    return this.#writtenBytes > from;
  }

  async #run(): Promise<void> {
    const { log, store } = this.#deps;
    const { repository, digest, sizeBytes } = this.wanted;
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
        await this.#giveUp(id, error);
        throw error;
      }
      // A cut in the middle is no failure as long as it gets further.
      failures = this.#writtenBytes > before ? 0 : failures + 1;
      const delayMs = RETRY_MS[failures === 0 ? 0 : failures - 1];
      if (delayMs === undefined) throw error;
      log.info({ digest: formatDigest(digest), reason: error.message }, 'an import was cut off, and goes on');
      await this.#deps.wait(delayMs, this.#signal);
    }
    try {
      await store.finishUpload(repository, id, digest);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'DIGEST_MISMATCH') throw error;
      throw new UpstreamError('INVALID', `the upstream gives other content than ${formatDigest(digest)}`, {
        cause: error,
      });
    }
    this.#isVerified = true;
  }

  /** What came is of no use where the upstream has given something else. */
  async #giveUp(id: string, error: unknown): Promise<void> {
    if (error instanceof UpstreamError && error.code === 'INVALID') {
      await this.#deps.store.cancelUpload(this.wanted.repository, id);
    }
  }
}

/** An upstream that pauses so long has what has come from it written, for those who read along. */
const IDLE_MS = 50;
const NOTHING = new Uint8Array(0);

/** Puts an empty piece where more takes its time. */
async function* flushedWhenIdle(
  content: AsyncIterable<Uint8Array>,
  wait: FlightsDeps['wait'],
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

/** The bytes of a flight as a segment that is read from its file. */
function arrivingSegment(flight: Flight, fd: number): ArrivingSegment {
  const giveUps = new Set<() => void>();
  let isAbandoned = false;
  return {
    kind: 'arriving',
    length: flight.wanted.sizeBytes,
    fill(piece, offset, callback) {
      const readFrom = (filled: number): void => {
        read(fd, piece, filled, piece.length - filled, offset + filled, (error, bytesRead) => {
          if (error !== null) callback(error);
          else if (filled + bytesRead === piece.length) callback(null);
          else if (bytesRead === 0) callback(new Error('a blob became shorter while it was read'));
          else readFrom(filled + bytesRead);
        });
      };
      let giveUp: (() => void) | undefined;
      let isSettled = false;
      giveUp = flight.waitFor(offset + piece.length, (error) => {
        isSettled = true;
        if (giveUp !== undefined) giveUps.delete(giveUp);
        if (error === null) readFrom(0);
        else callback(error);
      });
      if (isSettled) return;
      giveUps.add(giveUp);
      if (isAbandoned) giveUp();
    },
    abandon() {
      isAbandoned = true;
      for (const giveUp of [...giveUps]) giveUp();
    },
    close: () => closeSync(fd),
  };
}

export function createFlights(deps: FlightsDeps): Flights {
  const flights = new Map<string, Flight>();
  const ending = new AbortController();
  let receivedBytes = 0;

  function start(wanted: Wanted): Flight {
    const key = formatDigest(wanted.digest);
    const flight = new Flight(deps, wanted, ending.signal);
    flight.onReceived = (bytes) => {
      receivedBytes += bytes;
    };
    flights.set(key, flight);
    void flight.ended.then(() => flights.delete(key));
    return flight;
  }

  return {
    async open(wanted) {
      ending.signal.throwIfAborted();
      const flight = flights.get(formatDigest(wanted.digest)) ?? start(wanted);
      await flight.begun.promise;
      const { digest, sizeBytes } = flight.wanted;
      const fd = flight.openFile();
      if (fd === undefined) return undefined;
      return { digest, sizeBytes, source: byteSourceOf([arrivingSegment(flight, fd)]) };
    },
    list: () =>
      [...flights.values()].map(({ wanted, receivedBytes: received }) => ({
        digest: formatDigest(wanted.digest),
        repository: wanted.repository,
        receivedBytes: received,
        sizeBytes: wanted.sizeBytes,
      })),
    receivedBytes: () => receivedBytes,
    async stop() {
      ending.abort(new UpstreamError('UNREACHABLE', 'the datastore is stopping', { retryable: true }));
      await Promise.all([...flights.values()].map(({ ended }) => ended));
    },
  };
}
