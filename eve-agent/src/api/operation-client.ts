// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type AgentPlace, beginRequest, refusalOf } from './client.ts';
import { brokenOff } from './client-errors.ts';
import { LINES_MEDIA_TYPE } from './operation-answer.ts';

/** A refusal comes at once; what an operation does comes line by line, however long it takes. */
const ANSWER_TIMEOUT_MS = 60_000;

export interface LinesRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** Is sent once the service has said that it wants it. */
  readonly body?: Readable;
  /** How much that is; undefined: nobody knows. */
  readonly bodyBytes?: number | undefined;
  /** Is told of each piece that is on its way. */
  readonly onSent?: (sentBytes: number) => void;
}

/** Sends a body after it was asked for, and reads the answer meanwhile. */
async function exchange(
  place: AgentPlace,
  { method, path, body, bodyBytes, onSent }: LinesRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const headers = {
    accept: LINES_MEDIA_TYPE,
    ...(body !== undefined && { expect: '100-continue', 'content-type': 'application/x-tar' }),
    ...(bodyBytes !== undefined && { 'content-length': String(bodyBytes) }),
  };
  const { request, explain } = beginRequest(place, method, path, signal, headers);
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  const limit = setTimeout(
    () => request.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
    ANSWER_TIMEOUT_MS,
  );
  try {
    if (body === undefined) {
      request.end();
      return (await answered)[0];
    }
    const asked = once(request, 'continue').then(() => null);
    asked.catch(() => {});
    request.flushHeaders();
    const early = await Promise.race([asked, answered.then(([response]) => response)]);
    clearTimeout(limit);
    if (early !== null) return early;
    let sentBytes = 0;
    const sent = pipeline(
      body,
      async function* (pieces: AsyncIterable<Buffer>) {
        for await (const piece of pieces) {
          yield piece;
          sentBytes += piece.length;
          onSent?.(sentBytes);
        }
      },
      request,
    );
    // A service that has heard enough answers, and reads no more.
    sent.catch(() => {});
    return await Promise.race([
      answered.then(([response]) => response),
      sent.then(() => answered).then(([response]) => response),
    ]);
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error);
  } finally {
    clearTimeout(limit);
  }
}

/**
 * Asks for something whose answer comes in lines of JSON.
 *
 * @throws AgentApiError; the signal's reason
 */
export async function* askForLines(
  place: AgentPlace,
  wanted: LinesRequest,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const response = await exchange(place, wanted, signal);
  if ((response.statusCode ?? 0) >= 400) throw await refusalOf(response);
  try {
    for await (const line of createInterface({ input: response })) {
      if (line !== '') yield JSON.parse(line) as unknown;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw brokenOff(error);
  } finally {
    response.destroy();
  }
  signal.throwIfAborted();
}
