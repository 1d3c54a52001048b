// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import { errorMessage } from '@local-datastore/shared/errors';
import { createFrameReader, frameOf } from './frame-reader.ts';
import { isKeyPath, type KeyPath, keyPathText, parseKeyPattern } from './key-path.ts';
import { STORE_ERROR_CODES, StoreError } from './store-error.ts';
import { decodeResponse, encodeRequest, type Request, type Response, type WatchEvent } from './wire.ts';

/** A key that another value was written to, or that is no more. */
export interface SeenChange {
  readonly path: KeyPath;
  /** null: it was deleted. */
  readonly value: Uint8Array | null;
}

/** The store as a calf has it. All calls reject with a StoreError: what is refused, BUSY once it has ended. */
export interface StoreClient {
  /** null where there is no such key. */
  read(path: KeyPath): Promise<Uint8Array | null>;
  write(path: KeyPath, value: Uint8Array): Promise<void>;
  /** Rejects with NOT_FOUND where there is no such key. */
  delete(path: KeyPath): Promise<void>;
  /**
   * Tells of the keys that a pattern matches: first, before the promise is fulfilled, of those that are there, then of
   * changes. A watcher that does not keep up sees the last value of each key and not all between.
   *
   * @param onLost the watch is over, and why: too much changed, or the store has ended
   * @returns what ends the watch; nothing is told after it was called
   */
  watch(
    pattern: string,
    onChange: (change: SeenChange) => void,
    onLost?: (reason: string) => void,
  ): Promise<() => void>;
  /** Why the store has ended; never rejects. */
  readonly closed: Promise<string>;
  close(): void;
}

/** Questions that wait for their answers; one more is refused with BUSY. */
export const MAX_OPEN_REQUESTS = 1024;

interface OpenRequest {
  resolve(value: Uint8Array): void;
  reject(error: StoreError): void;
}

interface OpenWatch {
  seq: number;
  /** Whether it was answered; before that its promise tells what becomes of it. */
  isOpen: boolean;
  readonly onChange: (change: SeenChange) => void;
  readonly onLost: (reason: string) => void;
}

/** What is asked, without the number that it gets. */
type Question = Request extends infer Each ? (Each extends Request ? Omit<Each, 'id'> : never) : never;

const LAST_ID = 2 ** 31 - 1;

function codeOf(value: Uint8Array): StoreError {
  const text = Buffer.from(value).toString('latin1');
  const code = STORE_ERROR_CODES.find((each) => each === text) ?? 'MALFORMED';
  return new StoreError(code, `the store answers ${code}`);
}

/** A path of a program of ours that is none would end its connection. */
function checkPath(path: KeyPath): void {
  if (!isKeyPath(path)) throw new StoreError('MALFORMED', `"${keyPathText(path)}" is no path of a key`);
}

/** The calf's side of {@link serveStore}, over the other end of its stream. */
export function openStoreClient(stream: Duplex): StoreClient {
  const reader = createFrameReader();
  const requests = new Map<number, OpenRequest>();
  const watches = new Map<number, OpenWatch>();
  const { promise: closed, resolve: tellClosed } = Promise.withResolvers<string>();
  let lastId = 0;
  let whyOver: string | null = null;

  function end(reason: string): void {
    if (whyOver !== null) return;
    whyOver = reason;
    stream.destroy();
    const error = new StoreError('BUSY', `the store has ended: ${reason}`);
    for (const request of requests.values()) request.reject(error);
    requests.clear();
    const lost = [...watches.values()];
    watches.clear();
    tellClosed(reason);
    for (const watch of lost) if (watch.isOpen) watch.onLost(reason);
  }

  function freeId(): number {
    do lastId = lastId === LAST_ID ? 1 : lastId + 1;
    while (requests.has(lastId) || watches.has(lastId));
    return lastId;
  }

  function send(id: number, question: Question): Promise<Uint8Array> {
    if (whyOver !== null) throw new StoreError('BUSY', `the store has ended: ${whyOver}`);
    if (requests.size >= MAX_OPEN_REQUESTS) {
      throw new StoreError('BUSY', `${requests.size} questions wait for an answer`);
    }
    const message = encodeRequest({ id, ...question });
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    requests.set(id, { resolve, reject });
    stream.write(frameOf(message));
    return promise;
  }

  function takeEvent(id: number, event: WatchEvent): void {
    const watch = watches.get(id);
    // It was ended while this was on its way.
    if (watch === undefined) return;
    watch.seq += 1;
    if (event.seq !== watch.seq) {
      end(`it sent event ${event.seq} after ${watch.seq - 1}`);
    } else if (event.kind === 'lost') {
      watches.delete(id);
      watch.onLost(codeOf(event.value).code);
    } else {
      // A copy, which does not hold on to all that came with it.
      watch.onChange({
        path: event.path,
        value: event.kind === 'value' ? new Uint8Array(event.value) : null,
      });
    }
  }

  function take(response: Response): void {
    if (response.kind === 'event') {
      takeEvent(response.id, response.event);
      return;
    }
    const request = requests.get(response.id);
    if (request === undefined) {
      end(`it answered ${response.id}, which was not asked`);
      return;
    }
    requests.delete(response.id);
    if (response.kind === 'error') {
      request.reject(codeOf(response.value));
      return;
    }
    const watch = watches.get(response.id);
    if (watch !== undefined) watch.isOpen = true;
    request.resolve(new Uint8Array(response.value));
  }

  function takeNext(): boolean {
    let response: Response;
    try {
      const message = reader.next();
      if (message === null) return false;
      response = decodeResponse(message);
    } catch (error) {
      end(`it sent ${errorMessage(error)}`);
      return false;
    }
    take(response);
    return true;
  }

  stream.on('data', (chunk: Uint8Array) => {
    reader.push(chunk);
    while (whyOver === null && takeNext());
  });
  stream.on('end', () => end('it closed the connection'));
  stream.on('error', (error) => end(errorMessage(error)));
  stream.on('close', () => end('the connection was closed'));

  return {
    async read(path) {
      checkPath(path);
      try {
        return await send(freeId(), { op: 'read', path });
      } catch (error) {
        if (error instanceof StoreError && error.code === 'NOT_FOUND') return null;
        throw error;
      }
    },
    async write(path, value) {
      checkPath(path);
      await send(freeId(), { op: 'write', path, value });
    },
    async delete(path) {
      checkPath(path);
      await send(freeId(), { op: 'delete', path });
    },
    async watch(pattern, onChange, onLost = () => {}) {
      const path = parseKeyPattern(pattern);
      const id = freeId();
      const watch: OpenWatch = { seq: 0, isOpen: false, onChange, onLost };
      // Before it is asked for: over a stream in memory events come while it is being written.
      watches.set(id, watch);
      try {
        await send(id, { op: 'watch', path });
      } catch (error) {
        watches.delete(id);
        throw error;
      }
      return () => {
        if (watches.get(id) !== watch || whyOver !== null) return;
        watches.delete(id);
        // Refused where the watch was lost meanwhile, or the store has ended: over in any case.
        send(id, { op: 'unwatch', path: [] }).catch(() => {});
      };
    },
    closed,
    close: () => end('closed'),
  };
}
