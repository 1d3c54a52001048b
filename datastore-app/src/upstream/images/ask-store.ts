// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { explainFailure } from '../explain-failure.ts';
import { UpstreamError } from '../upstream-error.ts';
import {
  abandon,
  type ByteStream,
  byteStreamOf,
  headerOf,
  readBounded,
  redirectOf,
  release,
  statusOf,
  type UpstreamRequests,
} from '../upstream-requests.ts';
import type { ListedFile } from './listed-file.ts';

type Headers = Readonly<Record<string, string>>;

/** One request for something of a store of files. */
export interface StoreQuestion {
  readonly target: URL;
  readonly method: 'GET' | 'HEAD';
  readonly headers?: Headers;
  /** For people, such as `image linux/disk.img`. */
  readonly what: string;
  readonly signal: AbortSignal;
}

/** Asks a store of files by HTTP. Everything throws UpstreamError, or the signal's reason. */
export interface StoreAsker {
  /** An answer of 200, 206 or 304. Whoever has it reads it, or abandons it. */
  ask(question: StoreQuestion): Promise<IncomingMessage>;
  /** A bounded answer, or that it is what it was. */
  read(
    question: Omit<StoreQuestion, 'method'>,
    maxBytes: number,
  ): Promise<{ readonly answer: IncomingMessage; readonly bytes: Buffer | undefined }>;
  /** The bytes of a file from a position on; an answer of another size than the list says is refused. */
  open(file: ListedFile, position: number, signal: AbortSignal): Promise<ByteStream>;
}

export interface StoreAskerDeps {
  readonly requests: Pick<UpstreamRequests, 'send'>;
  /** What the store is shown for a request; nothing where it leads to others. */
  authorize(target: URL, method: 'GET' | 'HEAD', headers: Headers): Promise<Headers>;
  /** What the body of a refusal says in words of its own, for people. */
  readonly explain?: (body: string) => string | undefined;
}

const MAX_ERROR_BYTES = 16 * 1024;
/** 403 is also what stores say of what is not there, to whom may not list. */
const DENIALS = new Set([401, 403]);

/** How large a file is, as an answer says; undefined: it does not. */
function wholeSizeOf(answer: IncomingMessage): number | undefined {
  const isPart = statusOf(answer) === 206;
  const text = isPart
    ? /\/(\d+)$/.exec(headerOf(answer, 'content-range') ?? '')?.[1]
    : headerOf(answer, 'content-length');
  return text === undefined || !/^\d{1,15}$/.test(text) ? undefined : Number(text);
}

export function createStoreAsker({ requests, authorize, explain }: StoreAskerDeps): StoreAsker {
  async function refusal(answer: IncomingMessage, host: string, what: string): Promise<UpstreamError> {
    const statusCode = statusOf(answer);
    const body = await readBounded(answer, MAX_ERROR_BYTES).catch(() => undefined);
    const said = explain?.(body?.toString() ?? '');
    const why = said === undefined ? '' : `: ${printableText(said).slice(0, 300)}`;
    if (statusCode === 404 || statusCode === 410) {
      return new UpstreamError('NOT_FOUND', `${host} has no ${what}${why}`);
    }
    const isDenial = DENIALS.has(statusCode);
    return new UpstreamError(
      isDenial ? 'DENIED' : 'UNREACHABLE',
      `${host} does not give ${what} (${statusCode})${why}`,
      { retryable: !isDenial && statusCode >= 500 },
    );
  }

  async function ask(question: StoreQuestion): Promise<IncomingMessage> {
    const { method, what, signal } = question;
    // Bytes have a digest as they are: an encoding would be others.
    const headers = { ...question.headers, 'accept-encoding': 'identity' };
    for (let { target } = question, followed = 0; ; followed += 1) {
      const shown = await authorize(target, method, headers);
      const answer = await requests.send(target, method, { ...headers, ...shown }, signal, question.target);
      const next = redirectOf(answer, target, followed);
      if (next !== undefined) {
        target = next;
        continue;
      }
      const statusCode = statusOf(answer);
      const encoding = headerOf(answer, 'content-encoding') ?? 'identity';
      if (statusCode !== 200 && statusCode !== 206 && statusCode !== 304) {
        throw await refusal(answer, target.host, what);
      }
      if (encoding === 'identity') return answer;
      abandon(answer);
      throw new UpstreamError(
        'INVALID',
        `${target.host} gives ${what} encoded as ${printableText(encoding)}`,
      );
    }
  }

  return {
    ask,

    async read(question, maxBytes) {
      const { target, what, signal } = question;
      const answer = await ask({ ...question, method: 'GET' });
      if (statusOf(answer) === 304) {
        release(answer);
        return { answer, bytes: undefined };
      }
      const bytes = await readBounded(answer, maxBytes).catch((error: unknown) => {
        signal.throwIfAborted();
        throw explainFailure(target.host, error);
      });
      if (bytes !== undefined) return { answer, bytes };
      throw new UpstreamError('INVALID', `${target.host} gives ${what} of more than ${maxBytes} bytes`);
    },

    async open({ url, path, sizeBytes }, position, signal) {
      const target = new URL(url);
      const { host } = target;
      const what = `image ${path}`;
      const headers: Headers = position === 0 ? {} : { range: `bytes=${position}-` };
      const answer = await ask({ target, method: 'GET', headers, what, signal });
      const found = wholeSizeOf(answer);
      if (found !== undefined && found !== sizeBytes) {
        abandon(answer);
        const message = `${host} gives ${what} with ${found} bytes, and its list says ${sizeBytes}`;
        throw new UpstreamError('INVALID', message);
      }
      return byteStreamOf(answer, { host, what, position, signal });
    },
  };
}
