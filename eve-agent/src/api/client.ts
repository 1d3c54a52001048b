// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import * as z from 'zod';
import { AgentApiError, brokenOff, unreachable, unreachableByTls } from './client-errors.ts';
import type { ClientTls } from './client-tls.ts';

/** Where a service is asked. */
export type AgentPlace =
  | { readonly kind: 'unix'; readonly path: string }
  /** An https URL without path, as `https://10.1.0.1:8443`. */
  | { readonly kind: 'tcp'; readonly url: URL; readonly tls: ClientTls };

/** Asks a running service. */
export interface AgentClient {
  /** @returns the JSON document @throws AgentApiError; the signal's reason */
  ask(method: 'GET' | 'POST', path: string, signal: AbortSignal): Promise<unknown>;
  /** Follows a stream of events until it ends. @throws AgentApiError; the signal's reason */
  follow(
    path: string,
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly event: string; readonly data: unknown }>;
}

const problemSchema = z.looseObject({ detail: z.string() });

/** It answers at once, or not at all: what it does itself takes no time. */
const ANSWER_TIMEOUT_MS = 10_000;

/** A request that is begun. */
export interface BegunRequest {
  /** Which its caller ends. */
  readonly request: ClientRequest;
  /** What a failure of the request means. */
  explain(error: unknown): AgentApiError;
}

/** Begins a request. @param headers beside those of the place */
export function beginRequest(
  place: AgentPlace,
  method: string,
  path: string,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): BegunRequest {
  if (place.kind === 'unix') {
    const request = httpRequest({
      ...{ socketPath: place.path, method, path, signal, headers: { host: 'agent', ...headers } },
    });
    return { request, explain: (error) => unreachable(place.path, error) };
  }
  let isTrusted = false;
  const request = httpsRequest(new URL(path, place.url), {
    ...{ method, signal, headers, agent: false, ...place.tls },
  });
  request.once('socket', (socket) => {
    socket.once('secureConnect', () => {
      isTrusted = true;
    });
  });
  return { request, explain: (error) => unreachableByTls(place.url, isTrusted, error) };
}

/** The head of the answer, whatever it says. @throws AgentApiError where none comes in time; the signal's reason */
export async function answerInTime(
  { request, explain }: ReturnType<typeof beginRequest>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const limit = setTimeout(
    () => request.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
    ANSWER_TIMEOUT_MS,
  );
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error);
  } finally {
    clearTimeout(limit);
  }
}

/** What the problem document of an answer tells, or its status. */
export async function readDetail(response: IncomingMessage): Promise<string> {
  const problem = problemSchema.safeParse(safeJson((await buffer(response)).toString()));
  return problem.success ? problem.data.detail : `status ${response.statusCode}`;
}

/** What a service says that refuses. */
export async function refusalOf(response: IncomingMessage): Promise<AgentApiError> {
  const { statusCode = 0 } = response;
  const detail = await readDetail(response);
  return new AgentApiError('AGENT_REFUSED', `the agent refuses: ${detail}`, { details: { statusCode } });
}

export function createAgentClient(place: AgentPlace): AgentClient {
  async function send(method: string, path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const begun = beginRequest(place, method, path, signal);
    begun.request.end();
    const response = await answerInTime(begun, signal);
    if ((response.statusCode ?? 0) < 400) return response;
    throw await refusalOf(response);
  }

  return {
    async ask(method, path, signal) {
      const response = await send(method, path, signal);
      try {
        return safeJson((await buffer(response)).toString());
      } catch (error) {
        signal.throwIfAborted();
        throw brokenOff(error);
      }
    },
    async *follow(path, signal) {
      const response = await send('GET', path, signal);
      let event = 'message';
      try {
        for await (const line of createInterface({ input: response })) {
          if (line.startsWith('event: ')) event = line.slice('event: '.length);
          else if (line.startsWith('data: ')) yield { event, data: safeJson(line.slice('data: '.length)) };
        }
      } catch (error) {
        signal.throwIfAborted();
        throw brokenOff(error);
      } finally {
        response.destroy();
      }
      signal.throwIfAborted();
    },
  };
}

/** null for what is not JSON. */
function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
