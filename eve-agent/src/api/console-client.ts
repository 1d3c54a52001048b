// SPDX-License-Identifier: Apache-2.0
import type { Readable, Writable } from 'node:stream';
import { type AgentPlace, answerInTime, beginRequest, refusalOf } from './client.ts';
import { CONSOLE_MEDIA_TYPE } from './console-answer.ts';

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
  const begun = beginRequest(place, 'POST', path, signal, headers);
  const { request } = begun;
  // Each key at once.
  request.setNoDelay(true);
  request.flushHeaders();
  const response = await answerInTime(begun, signal);
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
