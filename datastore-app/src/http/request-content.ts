// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sayContinue } from '@local-datastore/shared/http/refuse';

/**
 * The body of a request. Asking for the first piece tells a client that waits to send; not to want the rest
 * leaves the connection open, so that the client hears why.
 */
export async function* contentOf(
  request: IncomingMessage,
  response: ServerResponse,
): AsyncGenerator<Uint8Array> {
  sayContinue(request, response);
  yield* request.iterator({ destroyOnReturn: false });
  // All is received: to bring it to a slow disk may take longer than a connection may idle.
  request.socket.setTimeout(0);
}

/** As {@link contentOf}; while what came is being stored, nobody counts how long nothing comes. */
export async function* patientContent(
  request: IncomingMessage,
  response: ServerResponse,
): AsyncGenerator<Uint8Array> {
  const { socket } = request;
  const idleMs = socket.timeout ?? 0;
  for await (const piece of contentOf(request, response)) {
    socket.setTimeout(0);
    yield piece;
    socket.setTimeout(idleMs);
  }
}
