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

/** A request on its way, and whether the service has shown who it is. */
function begin(place: AgentPlace, method: string, path: string, signal: AbortSignal) {
  const state = { isTrusted: false };
  let request: ClientRequest;
  if (place.kind === 'unix') {
    request = httpRequest({ socketPath: place.path, method, path, signal, headers: { host: 'agent' } });
  } else {
    request = httpsRequest(new URL(path, place.url), { method, signal, agent: false, ...place.tls });
    request.once('socket', (socket) => {
      socket.once('secureConnect', () => {
        state.isTrusted = true;
      });
    });
  }
  request.end();
  return { request, state };
}

export function createAgentClient(place: AgentPlace): AgentClient {
  async function send(method: string, path: string, signal: AbortSignal): Promise<IncomingMessage> {
    let response: IncomingMessage;
    const { request, state } = begin(place, method, path, signal);
    const limit = setTimeout(
      () => request.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
      ANSWER_TIMEOUT_MS,
    );
    try {
      [response] = (await once(request, 'response')) as [IncomingMessage];
    } catch (error) {
      signal.throwIfAborted();
      throw place.kind === 'unix'
        ? unreachable(place.path, error)
        : unreachableByTls(place.url, state.isTrusted, error);
    } finally {
      clearTimeout(limit);
    }
    const { statusCode = 0 } = response;
    if (statusCode < 400) return response;
    const text = (await buffer(response)).toString();
    const problem = problemSchema.safeParse(safeJson(text));
    const detail = problem.success ? problem.data.detail : `status ${statusCode}`;
    throw new AgentApiError('AGENT_REFUSED', `the agent refuses: ${detail}`, { details: { statusCode } });
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
