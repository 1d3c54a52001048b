// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { ArrivingFile } from '../content/arriving-file.ts';
import type { BlobCache } from '../content/blob-cache.ts';
import type { ArrivalObserver } from '../content/file-target.ts';
import type {
  DownloadEvent,
  DownloadObserver,
  DownloadRequest,
  DownloadResult,
} from '../transfer/download-request.ts';
import { ContentError, TransferError } from '../transfer/errors.ts';
import type { Target } from '../transfer/target.ts';
import { createFlightSlots } from './flight-slots.ts';

/** A blob that is here, or on its way. */
export interface OpenBlob {
  readonly sizeBytes: number;
  /** What is wrong is never given to its end. @throws ContentError; the cause why no more comes; the system's errors */
  read(first: number, last: number): AsyncIterable<Buffer>;
  /** It is not needed any more. */
  release(): void;
}

/** Where a blob may come from. */
export type BlobSource = Pick<DownloadRequest, 'url' | 'authorization' | 'renewAuthorization' | 'ca'>;

export interface Wanted {
  readonly digest: OciDigest;
  /** Null: no manifest has said it yet. */
  readonly sizeBytes: number | null;
  /** Whose blob it is, by name: one host does not take all turns. */
  readonly host: string;
  /** The next one is asked where one fails. */
  sources(): AsyncIterable<BlobSource>;
  /** Where there is no source. */
  nobody(): Error;
}

/** One flight a digest: it comes once, however many ask for it, and who leaves ends nothing. */
export interface BlobFlights {
  /**
   * A blob whose first bytes are here, or about to be.
   *
   * @throws what the first source threw; SpaceError; MirrorError
   */
  open(wanted: Wanted): Promise<OpenBlob>;
  /** One that is under way; undefined: none is. @throws as `open` */
  join(digest: OciDigest): Promise<OpenBlob> | undefined;
  /** Waits until all have ended, after the signal was aborted. */
  stop(): Promise<void>;
}

export interface FlightDeps {
  readonly cache: Pick<BlobCache, 'claim' | 'settle' | 'hold'>;
  download(
    request: DownloadRequest,
    observer: DownloadObserver,
    signal: AbortSignal,
  ): Promise<DownloadResult>;
  createTarget(
    digest: OciDigest,
    arrival: ArrivalObserver,
    makeRoom: (neededBytes: number) => Promise<void>,
  ): Target;
  createArrivingFile(digest: OciDigest, sizeBytes: number): ArrivingFile;
  readonly log: Log;
}

/** Each has a ring of memory and a thread. */
const SLOTS = { total: 6, perHost: 3, maxWaiting: 500 };
/** Failures of this host itself: no other datastore would help. */
const OWN_FAILURES = new Set(['NO_SPACE', 'TARGET_UNWRITABLE', 'TARGET_BUSY', 'BUSY']);

class Flight {
  readonly #deps: FlightDeps;
  readonly #wanted: Wanted;
  readonly #signal: AbortSignal;
  readonly #begun = Promise.withResolvers<ArrivingFile>();
  #file: ArrivingFile | undefined;
  #sizeBytes: number | null;
  #storedBytes = 0;
  /** Settles when it is over; never rejects. */
  readonly ended: Promise<void>;

  constructor(deps: FlightDeps, wanted: Wanted, turn: Promise<() => void>, signal: AbortSignal) {
    this.#deps = deps;
    this.#wanted = wanted;
    this.#signal = signal;
    this.#sizeBytes = wanted.sizeBytes;
    this.#begun.promise.catch(() => {});
    this.ended = this.#run(turn).then(
      () => {},
      (error: Error) => {
        this.#begun.reject(error);
        this.#file?.onFailed(error);
      },
    );
  }

  async open(): Promise<OpenBlob> {
    const release = this.#deps.cache.hold(this.#wanted.digest);
    try {
      const file = await this.#begun.promise;
      return { sizeBytes: this.#sizeBytes ?? 0, read: (first, last) => file.read(first, last), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #run(turn: Promise<() => void>): Promise<void> {
    const { cache } = this.#deps;
    const { digest } = this.#wanted;
    const release = await turn;
    try {
      const { sizeBytes } = await this.#fetch();
      // It counts before the next one makes room.
      await cache.settle(digest);
      const file = this.#file ?? this.#begin(sizeBytes);
      file.onVerified();
    } catch (error) {
      await cache.settle(digest);
      throw error;
    } finally {
      release();
    }
  }

  /** From the first source that has it. */
  async #fetch(): Promise<DownloadResult> {
    const { digest, sources, nobody } = this.#wanted;
    let first: unknown;
    for await (const source of sources()) {
      try {
        return await this.#fetchFrom(source);
      } catch (error) {
        this.#signal.throwIfAborted();
        first ??= error;
        const code = error instanceof CodedError ? error.code : '';
        this.#deps.log.info(
          { digest: formatDigest(digest), host: source.url.host, code },
          'a blob did not come',
        );
        // What had come is gone, and so are those who have some of it.
        if (error instanceof ContentError) this.#file?.onEmptied();
        if (OWN_FAILURES.has(code)) break;
      }
    }
    throw first ?? nobody();
  }

  async #fetchFrom(source: BlobSource): Promise<DownloadResult> {
    const { cache, download, createTarget } = this.#deps;
    const { digest } = this.#wanted;
    const arrival: ArrivalObserver = {
      onStored: (bytes) => {
        this.#storedBytes = bytes;
        this.#file?.onStored(bytes);
      },
      onEmptied: () => {
        this.#storedBytes = 0;
        this.#file?.onEmptied();
      },
    };
    const target = createTarget(digest, arrival, (neededBytes) => cache.claim(digest, neededBytes));
    const refused = new AbortController();
    const onEvent = (event: DownloadEvent) => {
      if (event.kind !== 'receiving' || this.#file !== undefined) return;
      const sizeBytes = this.#sizeBytes ?? event.totalBytes;
      if (sizeBytes !== null) {
        this.#begin(sizeBytes);
        return;
      }
      // It could be endless.
      const message = `${source.url.host} does not say how large ${formatDigest(digest)} is`;
      refused.abort(new TransferError('RESPONSE_INVALID', message));
    };
    return await download(
      { ...source, digest, sizeBytes: this.#sizeBytes, target },
      { onEvent, onProgress: () => {} },
      AbortSignal.any([this.#signal, refused.signal]),
    );
  }

  #begin(sizeBytes: number): ArrivingFile {
    this.#sizeBytes = sizeBytes;
    const file = this.#deps.createArrivingFile(this.#wanted.digest, sizeBytes);
    this.#file = file;
    file.onStored(this.#storedBytes);
    this.#begun.resolve(file);
    return file;
  }
}

/** @param signal ends all; what has come of each is gone on from later */
export function createBlobFlights(deps: FlightDeps, signal: AbortSignal): BlobFlights {
  const flights = new Map<string, Flight>();
  const slots = createFlightSlots(SLOTS);

  function start(wanted: Wanted): Flight {
    const key = formatDigest(wanted.digest);
    const flight = new Flight(deps, wanted, slots.take(wanted.host), signal);
    flights.set(key, flight);
    void flight.ended.then(() => flights.delete(key));
    return flight;
  }

  return {
    async open(wanted) {
      signal.throwIfAborted();
      return await (flights.get(formatDigest(wanted.digest)) ?? start(wanted)).open();
    },
    join: (digest) => flights.get(formatDigest(digest))?.open(),
    async stop() {
      await Promise.all([...flights.values()].map(({ ended }) => ended));
    },
  };
}
