// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { Client, Dispatcher } from 'undici';
import type { FlowReader } from './flow.ts';
import { type ConnectionOptions, openConnection } from './open-connection.ts';
import type { RawBody } from './raw-body.ts';
import { parseRegularHead, type RegularHead } from './regular-head.ts';
import { MAX_HEAD_BYTES, MalformedAnswer, readHead } from './response-head.ts';

/** Where the kernel may put body bytes without a copy; undefined when there is no room at the moment. */
export type BodyRegion = () => Uint8Array | undefined;

export interface BulkDispatcherOptions extends ConnectionOptions {
  readonly bodyRegion: BodyRegion;
}

/** Bytes that are not (yet) known to be a body land here first. */
const LANDING_BYTES = 64 * 1024;
/** Interim responses before the final one, which a sound server sends one or two of. */
const MAX_INTERIM_RESPONSES = 32;

/**
 * An undici dispatcher for one GET over HTTP/1.1 at a time that can fill the receiver's own memory, and that reads
 * heads as liberally as others do (see `readHead`).
 *
 * undici writes the request, and parses every response but one kind: where the head is regular (see
 * `parseRegularHead`) its body is read straight into `bodyRegion` and handed to the same handler as views of that
 * memory. undici alone copies each byte twice on the way, through 64 KiB reads.
 */
export class BulkDispatcher extends Dispatcher {
  readonly #options: BulkDispatcherOptions;
  readonly #exchanges = new Set<Exchange>();

  constructor(options: BulkDispatcherOptions) {
    super();
    this.#options = options;
  }

  override dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const exchange = new Exchange(this.#options, handler);
    this.#exchanges.add(exchange);
    exchange.start(request, () => this.#exchanges.delete(exchange));
    return true;
  }

  override async close(): Promise<void> {
    await this.destroy();
  }

  override async destroy(): Promise<void> {
    for (const exchange of this.#exchanges) exchange.abort(new Error('the dispatcher was destroyed'));
  }
}

/**
 * The body of a response that was paused at its head, where it stands byte for byte in its flow and not all of it came
 * with the head. As long as the response stays paused, no more is read of the flow than what is told here.
 *
 * @param maxBytes of a longer body nothing is told; null: there is no limit
 */
export function rawBodyOf(
  controller: Dispatcher.DispatchController,
  maxBytes: number | null,
): RawBody | null {
  const body = controller instanceof Exchange ? controller.rawBody : null;
  return body === null || body.first.length + body.restBytes > (maxBytes ?? Number.POSITIVE_INFINITY)
    ? null
    : body;
}

/** One request and its response, on one connection. */
class Exchange implements Dispatcher.DispatchController {
  readonly #options: BulkDispatcherOptions;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #landing = Buffer.allocUnsafeSlow(LANDING_BYTES);
  readonly #client: Client;
  readonly #opening = new AbortController();
  #connection: Duplex | undefined;
  /** What undici takes for its socket: passes the request on, and gets the response while undici parses it. */
  #facade: Duplex | undefined;
  #reader: 'head' | 'undici' | 'bulk' | 'done' = 'head';
  #head = Buffer.alloc(0);
  #interimResponses = 0;
  #interimBytes = 0;
  #remainingBytes = 0;
  #hasEnded = false;
  /** The first bytes of a body that came with the head, while the handler has paused. */
  #held: Buffer | undefined;
  #onDone: () => void = () => {};
  aborted = false;
  paused = false;
  reason: Error | null = null;

  constructor(options: BulkDispatcherOptions, handler: Dispatcher.DispatchHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#client = new Client(options.url.origin, {
      // Heads were measured before; put into another form they may be longer.
      maxHeaderSize: 2 * MAX_HEAD_BYTES,
      // Who waits for how long is the receiver's decision: it sees both ways of reading.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_, done) => this.#connect(done),
    });
  }

  start(request: Dispatcher.DispatchOptions, onDone: () => void): void {
    this.#onDone = onDone;
    const handler = this.#handler;
    this.#client.dispatch(request, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => {
        this.#finish();
        handler.onResponseEnd?.(...args);
      },
      onResponseError: (controller, error) => {
        if (!this.#isUndicis) return;
        this.#finish();
        handler.onResponseError?.(controller, error);
      },
    });
  }

  /** Whether undici may still have to say something of this connection. */
  get #isUndicis(): boolean {
    return this.#reader === 'head' || this.#reader === 'undici';
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined || this.#onBodyBytes(held)) this.#connection?.resume();
  }

  get rawBody(): RawBody | null {
    const first = this.#held;
    if (this.#reader !== 'bulk' || first === undefined || this.#connection === undefined) return null;
    const restBytes = this.#remainingBytes - first.length;
    return restBytes > 0 ? { flow: this.#connection, first, restBytes } : null;
  }

  abort(reason: Error): void {
    if (this.#reader === 'done') return;
    this.aborted = true;
    this.reason = reason;
    this.#finish();
    this.#handler.onResponseError?.(this, reason);
  }

  /** Lets everything go; whoever calls says what it means to the handler. */
  #finish(): void {
    if (this.#reader === 'done') return;
    this.#reader = 'done';
    this.#opening.abort();
    this.#connection?.destroy();
    void this.#client.destroy().catch(() => {});
    this.#onDone();
  }

  #connect(done: (...args: [null, Socket] | [Error, null]) => void): void {
    const reader: FlowReader = {
      buffer: () => this.#nextBuffer(),
      callback: (byteCount, buffer) =>
        this.#onBytes(Buffer.from(buffer.buffer, buffer.byteOffset, byteCount)),
    };
    // Before there is a connection: what comes at once with it waits there.
    const facade = new Duplex({
      read: () => {
        if (this.#isUndicis) this.#connection?.resume();
      },
      write: (chunk, _encoding, callback) => void this.#connection?.write(chunk, callback),
      final: (callback) => void this.#connection?.end(callback),
      destroy: (error, callback) => {
        if (this.#isUndicis) this.#connection?.destroy();
        callback(error);
      },
    });
    this.#facade = facade;
    openConnection(this.#options, reader, this.#opening.signal).then(
      (connection) => {
        if (this.#reader === 'done') {
          connection.destroy();
          return;
        }
        this.#connection = connection;
        connection.on('error', (error) => this.#onClosed(error));
        connection.on('end', () => this.#onEnd());
        connection.on('close', () => this.#onClosed(new Error('the connection was closed')));
        // The facade is a Duplex, of which undici uses nothing that only a Socket has.
        done(null, facade as Socket);
      },
      (error: Error) => done(error, null),
    );
  }

  #nextBuffer(): Uint8Array {
    if (this.#reader !== 'bulk' || this.paused) return this.#landing;
    const region = this.#options.bodyRegion();
    if (region === undefined) return this.#landing;
    return region.length > this.#remainingBytes ? region.subarray(0, this.#remainingBytes) : region;
  }

  /** @returns whether the socket may go on reading */
  #onBytes(bytes: Buffer): boolean {
    switch (this.#reader) {
      case 'head':
        return this.#onHeadBytes(bytes);
      case 'undici':
        return this.#facade?.push(this.#kept(bytes)) ?? false;
      case 'bulk':
        return this.#onBodyBytes(bytes);
      case 'done':
        return false;
    }
  }

  /** Bytes that stay as they are: what landed is overwritten by the next ones. */
  #kept(bytes: Buffer): Buffer {
    return bytes.buffer === this.#landing.buffer ? Buffer.from(bytes) : bytes;
  }

  #onHeadBytes(bytes: Buffer): boolean {
    this.#head = Buffer.concat([this.#head, bytes]);
    try {
      return this.#readHead();
    } catch (error) {
      this.abort(error as Error);
      return false;
    }
  }

  /** @throws MalformedAnswer */
  #readHead(): boolean {
    for (;;) {
      const regular = this.#parseRegularHead();
      if (typeof regular === 'object') return this.#takeOver(regular);
      const reading = readHead(this.#head);
      switch (reading.kind) {
        case 'incomplete':
          return true;
        case 'foreign':
          return this.#leaveToUndici();
        case 'interim':
          this.#interimResponses += 1;
          this.#interimBytes += reading.endOffset;
          if (this.#interimResponses > MAX_INTERIM_RESPONSES || this.#interimBytes > MAX_HEAD_BYTES) {
            throw new MalformedAnswer('there is no end of interim responses (1xx)');
          }
          this.#head = this.#head.subarray(reading.endOffset);
          break;
        case 'final': {
          this.#head = Buffer.concat([reading.head, this.#head.subarray(reading.endOffset)]);
          const canonical = this.#parseRegularHead();
          return typeof canonical === 'object' ? this.#takeOver(canonical) : this.#leaveToUndici();
        }
      }
    }
  }

  /** TLS copies anyway, and gives what it has decrypted also to who has paused: undici keeps that. */
  #parseRegularHead() {
    return this.#options.url.protocol === 'http:' ? parseRegularHead(this.#head) : 'irregular';
  }

  #leaveToUndici(): boolean {
    this.#reader = 'undici';
    return this.#facade?.push(this.#head) ?? false;
  }

  #takeOver(head: RegularHead): boolean {
    const body = this.#head.subarray(head.bodyOffset);
    this.#reader = 'bulk';
    this.#remainingBytes = head.contentLength;
    // undici has done its part; what it says from here on is about a connection it no longer has.
    void this.#client.destroy().catch(() => {});
    try {
      this.#handler.onResponseStart?.(this, head.statusCode, head.headers, head.statusMessage);
    } catch (error) {
      this.abort(error as Error);
      return false;
    }
    if (!this.paused) return this.#onBodyBytes(body);
    this.#held = body;
    return false;
  }

  #onBodyBytes(bytes: Buffer): boolean {
    if (this.#reader !== 'bulk') return false;
    const body = bytes.length > this.#remainingBytes ? bytes.subarray(0, this.#remainingBytes) : bytes;
    this.#remainingBytes -= body.length;
    try {
      if (body.length > 0) this.#handler.onResponseData?.(this, body);
    } catch (error) {
      this.abort(error as Error);
      return false;
    }
    if (this.#remainingBytes === 0 && this.#isReading()) {
      this.#finish();
      this.#handler.onResponseEnd?.(this, {});
      return false;
    }
    return !this.paused;
  }

  /** Re-read after a handler ran, which may have aborted. */
  #isReading(): boolean {
    return this.#reader === 'bulk';
  }

  #onEnd(): void {
    this.#hasEnded = true;
    if (this.#reader === 'undici') this.#facade?.push(null);
    else if (this.#reader === 'head' && this.#head.length > 0) {
      this.abort(new MalformedAnswer('the connection was closed in the middle of its head'));
    } else if (this.#reader === 'head') {
      this.#reader = 'undici';
      this.#facade?.push(null);
    } else if (this.#reader === 'bulk') {
      this.abort(
        new Error(`the connection was closed ${this.#remainingBytes} bytes before the end of the body`),
      );
    }
  }

  #onClosed(error: Error): void {
    if (this.#reader === 'bulk') this.abort(error);
    // After an orderly end undici may still be reading what the facade holds for it.
    else if (this.#reader !== 'done' && !this.#hasEnded) this.#facade?.destroy(error);
  }
}
