import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { CodedError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import * as z from 'zod';

/** The service cannot be asked, or refuses. */
export class AgentApiError extends CodedError<'AGENT_UNREACHABLE' | 'AGENT_REFUSED'> {}

/** Asks a running service over its socket. */
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

function unreachable(socketPath: string, error: unknown): AgentApiError {
  const code = systemErrorCode(error);
  const why =
    code === 'ENOENT' || code === 'ECONNREFUSED'
      ? `no agent runs on ${socketPath}: start "eve-agent run", or name its state directory with --state`
      : `the agent on ${socketPath} cannot be asked: ${errorMessage(error)}`;
  return new AgentApiError('AGENT_UNREACHABLE', why, { cause: error });
}

export function createAgentClient(socketPath: string): AgentClient {
  async function send(method: string, path: string, signal: AbortSignal): Promise<IncomingMessage> {
    let response: IncomingMessage;
    try {
      const request = httpRequest({ socketPath, method, path, signal, headers: { host: 'agent' } });
      request.end();
      [response] = (await once(request, 'response')) as [IncomingMessage];
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(socketPath, error);
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
      return safeJson((await buffer(await send(method, path, signal))).toString());
    },
    async *follow(path, signal) {
      const response = await send('GET', path, signal);
      let event = 'message';
      try {
        for await (const line of createInterface({ input: response })) {
          if (line.startsWith('event: ')) event = line.slice('event: '.length);
          else if (line.startsWith('data: ')) yield { event, data: safeJson(line.slice('data: '.length)) };
        }
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
