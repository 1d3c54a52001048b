import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { type AgentPlace, beginRequest, refusalOf } from './client.ts';
import { CONSOLE_MEDIA_TYPE } from './console-answer.ts';

const ANSWER_TIMEOUT_MS = 10_000;

/** A console of an app, over the API. */
export interface OpenConsole {
  /** What is typed. */
  readonly input: Writable;
  /** What is shown; ends with the VM, fails with the connection. */
  readonly output: Readable;
  close(): void;
}

/** @throws AgentApiError; the signal's reason */
export async function openConsole(
  place: AgentPlace,
  uuid: string,
  signal: AbortSignal,
): Promise<OpenConsole> {
  const headers = {
    'content-type': CONSOLE_MEDIA_TYPE,
    'transfer-encoding': 'chunked',
    // It is not closed by the service while keys may be on the way.
    connection: 'keep-alive',
  };
  const path = `/v1/apps/${uuid}/console`;
  const { request, explain } = beginRequest(place, 'POST', path, signal, headers);
  // Each key at once.
  request.setNoDelay(true);
  request.flushHeaders();
  const limit = setTimeout(
    () => request.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
    ANSWER_TIMEOUT_MS,
  );
  let response: IncomingMessage;
  try {
    [response] = (await once(request, 'response')) as [IncomingMessage];
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error);
  } finally {
    clearTimeout(limit);
  }
  // What the connection ends with is told by what is read.
  request.on('error', () => {});
  if ((response.statusCode ?? 0) < 400) {
    return { input: request, output: response, close: () => void request.destroy() };
  }
  try {
    throw await refusalOf(response);
  } finally {
    request.destroy();
  }
}
