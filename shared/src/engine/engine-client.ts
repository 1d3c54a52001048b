// SPDX-License-Identifier: Apache-2.0
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { CodedError, type ErrorOptions, errorMessage } from '../errors.ts';
import { plainReason } from '../text/plain-reason.ts';
import { type EngineAddress, engineAddressText } from './engine-address.ts';

/** An engine that cannot be asked, that says no, or that is not one. */
export class EngineError extends CodedError<'ENGINE_UNREACHABLE' | 'ENGINE_REFUSED'> {
  /** The status of HTTP that it refused with; null: it gave no answer. */
  readonly status: number | null;

  constructor(
    code: 'ENGINE_UNREACHABLE' | 'ENGINE_REFUSED',
    message: string,
    status: number | null,
    options: ErrorOptions = {},
  ) {
    super(code, message, { ...options, retryable: code === 'ENGINE_UNREACHABLE' });
    this.status = status;
  }
}

/** Whether an engine refused with this status: 404 where there is no such thing, 409 where it is in the way. */
export function isEngineStatus(error: unknown, status: number): boolean {
  return error instanceof EngineError && error.status === status;
}

/** What is asked of an engine. */
export interface EngineRequest {
  readonly query?: Readonly<Record<string, string>>;
  /** Becomes the body. */
  readonly json?: unknown;
  /** Bytes as they come, of a length that nobody knows; in place of `json`. */
  readonly body?: AsyncIterable<Uint8Array>;
  /** `application/x-tar` where it is not said. */
  readonly bodyType?: string;
  readonly signal: AbortSignal;
}

/** An answer below 400 whose body is still to come. */
export interface EngineAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Throws an EngineError where the engine breaks off. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection: nothing more is wanted. */
  close(): void;
}

/** Speaks the API of Docker's engine, or of what speaks as one. */
export interface EngineClient {
  /**
   * One request; the path is that behind the version, as `/containers/json`.
   *
   * @throws EngineError; what `body` throws; the signal's reason
   */
  open(method: EngineMethod, path: string, request: EngineRequest): Promise<EngineAnswer>;
  /** The same, of which the answer is a JSON document; undefined where there is none. */
  ask(method: EngineMethod, path: string, request: EngineRequest): Promise<unknown>;
  /**
   * The second part of the version of the API that is spoken: 41 for 1.41.
   *
   * @throws EngineError; the signal's reason
   */
  apiVersion(signal: AbortSignal): Promise<number>;
}

export type EngineMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

/** 20.10's: what is spoken at least. */
const LEAST_VERSION = 41;
/** 28's: what is known here. An engine that is newer speaks it too. */
const NEWEST_VERSION = 48;
/** No document of an engine that is asked for here is as long. */
const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
const MAX_REFUSAL_BYTES = 64 * 1024;
/** So much of a body is made ready while the engine is busy with what it has: it need not wait for it afterwards. */
const AHEAD_BYTES = 512 * 1024;

const REFUSAL = z.object({ message: z.string() });

function refusalText(body: Buffer): string | undefined {
  try {
    return REFUSAL.parse(JSON.parse(body.toString())).message.trim();
  } catch {
    return undefined;
  }
}

/** Reads to the end, or to a limit. @throws RangeError beyond it */
async function readBounded(source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Connects to an engine for each request; keeps nothing open. */
export function createEngineClient(address: EngineAddress): EngineClient {
  const place = engineAddressText(address);
  const target =
    address.kind === 'unix'
      ? { socketPath: address.path, headers: { host: 'docker' } }
      : { host: address.host, port: address.port, headers: {} };

  function unreachable(error: unknown): EngineError {
    return new EngineError(
      'ENGINE_UNREACHABLE',
      `no container engine answers at ${plainReason(`${place}: ${errorMessage(error)}`)}`,
      null,
      { cause: error },
    );
  }

  /** @throws what `body` throws as it is; an EngineError where the connection fails; the signal's reason */
  async function send(method: EngineMethod, path: string, wanted: EngineRequest): Promise<IncomingMessage> {
    const { json, body, bodyType = 'application/x-tar', query, signal } = wanted;
    signal.throwIfAborted();
    const document = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
    const headers = {
      ...target.headers,
      ...(document && { 'content-type': 'application/json', 'content-length': document.length }),
      ...(body && { 'content-type': bodyType }),
    };
    const search = query === undefined ? '' : `?${new URLSearchParams(query)}`;
    const request = requestHttp({ ...target, method, path: path + search, headers, signal, agent: false });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.on('error', reject);
    });
    if (body === undefined) {
      request.end(document);
      return answered.catch((error: unknown) => {
        signal.throwIfAborted();
        throw unreachable(error);
      });
    }
    let failure: { readonly error: unknown } | undefined;
    const watched = async function* (): AsyncGenerator<Uint8Array> {
      // A connection that fails is thrown in here too, where a piece was last taken.
      let isTaken = true;
      try {
        for await (const piece of body) {
          isTaken = false;
          yield piece;
          isTaken = true;
        }
      } catch (error) {
        if (isTaken) failure = { error };
        throw error;
      }
    };
    const sent = pipeline(
      Readable.from(watched(), { objectMode: false, highWaterMark: AHEAD_BYTES }),
      request,
    );
    // An engine that refuses answers before it has read everything, and then reads no more.
    sent.catch(() => undefined);
    try {
      return await Promise.race([answered, sent.then(() => answered)]);
    } catch (error) {
      request.destroy();
      if (failure !== undefined) throw failure.error;
      signal.throwIfAborted();
      throw unreachable(error);
    }
  }

  async function* bodyOf(answer: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      yield* answer;
    } catch (error) {
      signal.throwIfAborted();
      throw new EngineError(
        'ENGINE_UNREACHABLE',
        `the container engine at ${place} broke off: ${errorMessage(error)}`,
        null,
        { cause: error },
      );
    }
  }

  async function toAnswer(answer: IncomingMessage, signal: AbortSignal): Promise<EngineAnswer> {
    const { statusCode: status = 0, headers } = answer;
    const body = bodyOf(answer, signal);
    if (status < 400) return { status, headers, body, close: () => answer.destroy() };
    const text = await readBounded(body, MAX_REFUSAL_BYTES).then(refusalText, () => undefined);
    answer.destroy();
    signal.throwIfAborted();
    const why = text ?? `it answers ${status}`;
    throw new EngineError('ENGINE_REFUSED', `the container engine at ${place} refuses: ${why}`, status, {
      details: { status, reason: why },
    });
  }

  /** What both sides speak (`Api-Version` of `/_ping`). */
  async function negotiate(signal: AbortSignal): Promise<number> {
    const answer = await toAnswer(await send('GET', '/_ping', { signal }), signal);
    answer.close();
    const offered = /^1\.(\d{1,4})$/.exec(String(answer.headers['api-version'] ?? ''))?.[1];
    if (offered === undefined) {
      throw new EngineError('ENGINE_UNREACHABLE', `what answers at ${place} is no container engine`, null);
    }
    if (Number(offered) < LEAST_VERSION) {
      throw new EngineError(
        'ENGINE_REFUSED',
        `the container engine at ${place} speaks version 1.${offered} of its API; 1.${LEAST_VERSION} is needed (Docker 20.10)`,
        null,
      );
    }
    return Math.min(Number(offered), NEWEST_VERSION);
  }

  let version: Promise<number> | undefined;
  /** Asked once; again after the engine was away, since it may have come back as another. */
  async function spokenVersion(signal: AbortSignal): Promise<number> {
    version ??= negotiate(signal);
    try {
      return await version;
    } catch (error) {
      version = undefined;
      throw error;
    }
  }

  const client: EngineClient = {
    async open(method, path, wanted) {
      const prefix = `/v1.${await spokenVersion(wanted.signal)}`;
      try {
        return await toAnswer(await send(method, prefix + path, wanted), wanted.signal);
      } catch (error) {
        if (error instanceof EngineError && error.code === 'ENGINE_UNREACHABLE') version = undefined;
        throw error;
      }
    },
    async ask(method, path, wanted) {
      const answer = await client.open(method, path, wanted);
      const document = await readBounded(answer.body, MAX_DOCUMENT_BYTES);
      return document.length === 0 ? undefined : (JSON.parse(document.toString()) as unknown);
    },
    apiVersion: spokenVersion,
  };
  return client;
}
