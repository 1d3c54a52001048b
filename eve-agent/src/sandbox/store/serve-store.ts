// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { AuditSink } from '../audit/audit-entry.ts';
import { createEventQueue } from './event-queue.ts';
import { createFrameReader, frameOf } from './frame-reader.ts';
import { HEARTBEAT_RIGHT } from './heartbeat.ts';
import { type KeyPath, keyPathText } from './key-path.ts';
import type { KeyStore } from './key-store.ts';
import type { KeyRight } from './rights.ts';
import { StoreError, type StoreErrorCode } from './store-error.ts';
import { createStoreSession } from './store-session.ts';
import { createTokenBucket } from './token-bucket.ts';
import { decodeRequest, encodeResponse, type Request, type Response, type WatchEvent } from './wire.ts';

export interface StoreLimits {
  /** More are not refused: they are read later. */
  readonly messagesPerSecond: number;
  readonly watches: number;
  /** Keys whose changes wait for a calf that does not read, for all its watches together; a watch with more is lost. */
  readonly waitingChanges: number;
  /** A calf that does not take what was sent to it for so long is given up. */
  readonly stallMs: number;
  /** A calf of which nothing comes for so long hangs, and is given up: one that runs asks for something ({@link beat}). */
  readonly silentMs: number;
}

export const DEFAULT_STORE_LIMITS: StoreLimits = {
  messagesPerSecond: 256,
  watches: 64,
  waitingChanges: 4096,
  stallMs: 30_000,
  silentMs: 60_000,
};

export interface StoreServerDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  readonly clock: Clock;
}

export interface StoreServerOptions {
  /** The calf, as the log names it. */
  readonly actor: string;
  readonly rights: readonly KeyRight[];
  readonly limits?: Partial<StoreLimits>;
}

/** One calf's connection. */
export interface StoreServer {
  /** Why it has ended; never rejects. */
  readonly closed: Promise<string>;
  /** What the calf did that none of ours does, for which it was ended; null: nothing. */
  readonly fault: string | null;
  close(reason: string): void;
}

interface ServedWatch {
  readonly id: number;
  seq: number;
  end(): void;
}

/** A silence is told by so many looks in a row: a host that stood still itself has not looked. */
const LOOKS_AT_SILENCE = 4;
/** How many keys, for a watch that begins, are as much work as another message: to be looked at, and to be told. */
const KEYS_LOOKED_AT = 64;
const KEYS_TOLD = 16;

const bytesOf = (code: string) => Buffer.from(code, 'latin1');
const EMPTY = new Uint8Array(0);

/**
 * Serves one calf over a stream: priv's side, which believes nothing that comes. A calf that asks too fast or reads too
 * slowly is waited for; what waits for it is bounded by the stream's own mark and by the names of changed keys. A
 * message of no form that the schema has ends the connection, and nothing else.
 *
 * @throws StoreError MALFORMED for rights with no pattern
 */
export function serveStore(
  { store, audit, clock }: StoreServerDeps,
  { actor, rights, limits: changed }: StoreServerOptions,
  stream: Duplex,
): StoreServer {
  const limits = { ...DEFAULT_STORE_LIMITS, ...changed };
  const session = createStoreSession(
    { store, audit },
    { actor, rights: [...rights, HEARTBEAT_RIGHT], maxWatches: limits.watches },
  );
  const bucket = createTokenBucket(clock, limits.messagesPerSecond);
  const reader = createFrameReader();
  const watches = new Map<number, ServedWatch>();
  const queue = createEventQueue<ServedWatch, Response>(limits.waitingChanges);
  const { promise: closed, resolve: tellClosed } = Promise.withResolvers<string>();
  /** Read, and waiting for its turn. */
  let message: Uint8Array | null = null;
  let hasInputEnded = false;
  let isOver = false;
  let fault: string | null = null;
  let hasSpoken = false;
  let silentLooks = 0;
  let cancelLook = () => {};
  let cancelTurn = () => {};
  let cancelStall: (() => void) | null = null;

  function end(reason: string): void {
    if (isOver) return;
    isOver = true;
    cancelLook();
    cancelTurn();
    cancelStall?.();
    for (const watch of watches.values()) watch.end();
    stream.destroy();
    tellClosed(reason);
  }

  /** The calf did what no calf of ours does. */
  function endForFault(verdict: StoreErrorCode, reason: string): void {
    audit.append({ actor, op: 'end', path: '', verdict });
    fault = reason;
    end(reason);
  }

  function lookAgain(): void {
    cancelLook = clock.after(limits.silentMs / LOOKS_AT_SILENCE, () => {
      silentLooks = hasSpoken ? 0 : silentLooks + 1;
      hasSpoken = false;
      if (silentLooks < LOOKS_AT_SILENCE) lookAgain();
      else endForFault('BUSY', `nothing came from it for ${limits.silentMs} ms: it hangs`);
    });
  }

  function send(response: Response): void {
    if (isOver || !stream.writable) return;
    if (stream.write(frameOf(encodeResponse(response))) || cancelStall !== null) return;
    const stalled = `it took nothing of what was sent to it for ${limits.stallMs} ms`;
    cancelStall = clock.after(limits.stallMs, () => endForFault('BUSY', stalled));
  }

  function sendEvent(watch: ServedWatch, path: KeyPath): void {
    watch.seq += 1;
    const value = store.read(path);
    const common = { seq: watch.seq, path };
    const event: WatchEvent =
      value === undefined ? { ...common, kind: 'deleted' } : { ...common, kind: 'value', value };
    send({ id: watch.id, kind: 'event', event });
  }

  /** Sends what waits, for as long as the stream takes it. */
  function sendQueued(): void {
    while (!isOver && !stream.writableNeedDrain) {
      const item = queue.take();
      if (item === undefined) return;
      if (item.kind === 'answer') send(item.answer);
      else sendEvent(item.watch, item.path);
    }
  }

  function endWatch(watch: ServedWatch): void {
    watch.end();
    watches.delete(watch.id);
    queue.dropChanges(watch);
  }

  function offerChange(watch: ServedWatch, path: KeyPath): void {
    if (queue.addChange(watch, path)) {
      sendQueued();
      return;
    }
    endWatch(watch);
    const event: WatchEvent = { seq: watch.seq + 1, path: [], kind: 'lost', value: bytesOf('BUSY') };
    queue.addAnswer({ id: watch.id, kind: 'event', event });
  }

  function refuseWatch(path: readonly string[], code: StoreErrorCode, why: string): never {
    audit.append({ actor, op: 'watch', path: keyPathText(path), verdict: code });
    throw new StoreError(code, why);
  }

  function startWatch({ id, path }: Request): void {
    if (watches.has(id)) refuseWatch(path, 'BUSY', `watch ${id} is there already`);
    const { present, end: endSession } = session.watch(path, (change) => offerChange(watch, change.path));
    const watch: ServedWatch = { id, seq: 0, end: endSession };
    bucket.charge(Math.floor(store.size / KEYS_LOOKED_AT + present.length / KEYS_TOLD));
    if (!present.every((key) => queue.addChange(watch, key.path))) {
      endWatch(watch);
      refuseWatch(path, 'QUOTA', `${present.length} keys are more than can wait for ${actor}`);
    }
    watches.set(id, watch);
    queue.addAnswer({ id, kind: 'ok', value: EMPTY });
  }

  function stopWatch({ id }: Request): void {
    const watch = watches.get(id);
    if (watch === undefined) throw new StoreError('NOT_FOUND', `there is no watch ${id}`);
    endWatch(watch);
    // Not before the answer to the watch itself, which may still wait.
    queue.addAnswer({ id, kind: 'ok', value: EMPTY });
  }

  /** @returns what is answered at once; null where the answer has its place in the queue */
  function perform(request: Request): Uint8Array | null {
    switch (request.op) {
      case 'read':
        return session.read(request.path);
      case 'write':
        session.write(request.path, request.value);
        return EMPTY;
      case 'delete':
        session.delete(request.path);
        return EMPTY;
      case 'watch':
        startWatch(request);
        return null;
      case 'unwatch':
        stopWatch(request);
        return null;
    }
  }

  function answer(request: Request): void {
    try {
      const value = perform(request);
      if (value !== null) send({ id: request.id, kind: 'ok', value });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // In the queue, as an answer to a watch is: its events, if it had any, go before.
      queue.addAnswer({ id: request.id, kind: 'error', value: bytesOf(error.code) });
    }
    sendQueued();
  }

  /** Answers what came, until it has to wait for the calf to read, for its turn, or for more. */
  function answerAll(): void {
    cancelTurn();
    while (!isOver) {
      message ??= reader.next();
      if (message === null) {
        if (hasInputEnded)
          end(reader.heldBytes > 0 ? 'it ended within a message' : 'it closed its connection');
        else stream.resume();
        return;
      }
      const waitMs = stream.writableNeedDrain ? null : bucket.take();
      if (waitMs !== 0) {
        stream.pause();
        // Without a time: the stream tells when it goes on.
        if (waitMs !== null) cancelTurn = clock.after(waitMs, proceed);
        return;
      }
      hasSpoken = true;
      const request = decodeRequest(message);
      message = null;
      answer(request);
    }
  }

  function proceed(): void {
    try {
      answerAll();
    } catch (error) {
      const isTheirs = error instanceof StoreError;
      endForFault(isTheirs ? error.code : 'BUSY', `${isTheirs ? '' : 'unexpected: '}${errorMessage(error)}`);
    }
  }

  stream.on('data', (chunk: Uint8Array) => {
    reader.push(chunk);
    // What waits for its turn goes first.
    if (message === null) proceed();
  });
  stream.on('drain', () => {
    cancelStall?.();
    cancelStall = null;
    sendQueued();
    proceed();
  });
  stream.on('end', () => {
    hasInputEnded = true;
    if (message === null) proceed();
  });
  stream.on('error', (error) => end(`its connection failed: ${errorMessage(error)}`));
  stream.on('close', () => end('its connection was closed'));
  lookAgain();
  return {
    closed,
    get fault() {
      return fault;
    },
    close: end,
  };
}
