// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { endOnceSent } from './lingering-close.ts';
import { type Problem, problemRefusal } from './problem.ts';
import { type Refusal, sendRefusal, writeRefusal } from './refusal.ts';

const continued = new WeakSet<IncomingMessage>();

/** Tells a client that waits for it (`Expect: 100-continue`) to send the body. */
export function sayContinue(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect === undefined || continued.has(request)) return;
  continued.add(request);
  response.writeContinue();
}

/** Whether more of the body may come. One who waits to be told to send it was not told, and does not. */
function isSending(request: IncomingMessage): boolean {
  if (request.complete || request.destroyed) return false;
  const { headers } = request;
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return false;
  return headers.expect === undefined || continued.has(request);
}

/** Says no. */
export type Refuse = (
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
  headers?: Readonly<Record<string, string>>,
) => void;

/**
 * Answers a request whose body is not, or no longer, wanted. The connection takes no further request: what
 * follows on it is the body, or nothing.
 */
export function refuseWith(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (request.complete || response.headersSent) {
    sendRefusal(response, refusal, headers);
    return;
  }
  const closing = { ...headers, Connection: 'close' };
  if (!isSending(request)) {
    const hasBody = request.headers.expect !== undefined;
    sendRefusal(response, refusal, hasBody ? closing : headers);
    return;
  }
  writeRefusal(response, refusal, closing);
  endOnceSent(request, response);
}

/** {@link refuseWith} a problem document. */
export const refuse: Refuse = (request, response, problem, headers) =>
  refuseWith(request, response, problemRefusal(problem), headers);
