// SPDX-License-Identifier: Apache-2.0
import { closeSync, read } from 'node:fs';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { type ArrivingSegment, type ByteSource, byteSourceOf } from '../content/byte-source.ts';
import { type Cargo, Flight, type FlightDeps, type Landing } from './flight.ts';
import { UpstreamError } from './upstream-error.ts';

/** Content on its way here: each digest comes once, however many ask for it. */
export interface FlightTable<Wanted extends Cargo> {
  /**
   * Content whose bytes can be read as they arrive; the last of them only when all have been verified. It comes in to
   * its end, whether or not anybody goes on reading.
   *
   * @returns undefined where it is all here by now, where it belongs
   * @throws UpstreamError where nothing comes; StoreError where there is no room
   */
  open(wanted: Wanted): Promise<ByteSource | undefined>;
  /**
   * Has content come in without reading it. Where the signal aborts, it ends as well, unless others want it; what has
   * come of it is gone on from another time.
   *
   * @returns how many bytes came because of this: 0 where another one had it come already
   * @throws as {@link FlightTable.open}; the signal's reason
   */
  fetch(wanted: Wanted, signal: AbortSignal): Promise<number>;
  /** Those that are under way. */
  list(): readonly { readonly wanted: Wanted; readonly receivedBytes: number }[];
  /** Another one whenever {@link FlightTable.list} says something else. */
  revision(): number;
  /** Bytes that have come since the start. */
  receivedBytes(): number;
  /** Ends all; what has come is gone on from later. */
  stop(): Promise<void>;
}

export interface FlightTableDeps<Wanted> extends FlightDeps {
  landingFor(wanted: Wanted): Landing;
  /** What comes once, however many ask for it; unless said, the digest. */
  keyOf?(wanted: Wanted): string;
  /** Hears of the end of each. @param failure undefined: it is here */
  readonly onEnded?: (wanted: Wanted, failure: Error | undefined) => void;
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
          else if (bytesRead === 0) callback(new Error('content became shorter while it was read'));
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

export function createFlightTable<Wanted extends Cargo>(deps: FlightTableDeps<Wanted>): FlightTable<Wanted> {
  const flights = new Map<string, Flight<Wanted>>();
  const ending = new AbortController();
  let receivedBytes = 0;
  let changes = 0;
  const keyOf = deps.keyOf ?? (({ digest }: Wanted) => formatDigest(digest));

  function start(wanted: Wanted): Flight<Wanted> {
    const key = keyOf(wanted);
    const flight = new Flight(deps, wanted, deps.landingFor(wanted), ending.signal);
    flight.onReceived = (bytes) => {
      receivedBytes += bytes;
    };
    flight.onWritten = () => {
      changes += 1;
    };
    flights.set(key, flight);
    changes += 1;
    void flight.ended.then((failure) => {
      flights.delete(key);
      changes += 1;
      deps.onEnded?.(wanted, failure);
    });
    return flight;
  }

  /** The flight that is under way, or another. One that everybody has left is waited for: what has come is gone on from. */
  async function join(wanted: Wanted): Promise<{ flight: Flight<Wanted>; isOwn: boolean }> {
    for (;;) {
      const running = flights.get(keyOf(wanted));
      if (running?.isLeft === true) {
        await running.ended;
        continue;
      }
      ending.signal.throwIfAborted();
      return { flight: running ?? start(wanted), isOwn: running === undefined };
    }
  }

  return {
    async open(wanted) {
      const { flight } = await join(wanted);
      flight.want();
      await flight.begun.promise;
      const fd = flight.openFile();
      return fd === undefined ? undefined : byteSourceOf([arrivingSegment(flight, fd)]);
    },
    async fetch(wanted, signal) {
      signal.throwIfAborted();
      const { flight, isOwn } = await join(wanted);
      const leave = flight.hold();
      const left = Promise.withResolvers<undefined>();
      const onAbort = () => {
        leave(signal.reason);
        left.resolve(undefined);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      let failure: Error | undefined;
      try {
        failure = await Promise.race([flight.ended, left.promise]);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
      // Nothing of it is written any more when this returns.
      if (flight.isLeft) await flight.ended;
      signal.throwIfAborted();
      if (failure !== undefined) throw failure;
      return isOwn ? flight.cameBytes : 0;
    },
    list: () =>
      [...flights.values()].map(({ wanted, receivedBytes: bytes }) => ({ wanted, receivedBytes: bytes })),
    revision: () => changes,
    receivedBytes: () => receivedBytes,
    async stop() {
      ending.abort(new UpstreamError('UNREACHABLE', 'the datastore is stopping', { retryable: true }));
      await Promise.all([...flights.values()].map(({ ended }) => ended));
    },
  };
}
