// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * A client that has its answer is listened to for so long and so much. One whose own input pauses reads no answer
 * meanwhile (curl that uploads from a pipe): what it sends next must still find the connection open.
 */
const MAX_LISTEN_MS = 60_000;
const MAX_UNWANTED_BYTES = 64 * 1024 * 1024;

/**
 * Ends an answer whose request may still be coming, once the client has sent all or is gone, or takes too long: bytes
 * that arrive at a closed connection make the kernel reset it, and the client would lose what it has not read yet
 * (RFC 9112 §9.6).
 *
 * @param response all of it is written; it is ended here
 */
export function endOnceSent(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete || request.destroyed) {
    response.end();
    return;
  }
  let unwantedBytes = 0;
  const end = () => {
    clearTimeout(limit);
    response.end();
  };
  const giveUp = () => {
    end();
    response.once('finish', () => request.destroy());
  };
  const limit = setTimeout(giveUp, MAX_LISTEN_MS);
  limit.unref();
  request.once('close', end);
  request.once('end', end);
  request.on('data', (piece: Buffer) => {
    unwantedBytes += piece.length;
    if (unwantedBytes > MAX_UNWANTED_BYTES) giveUp();
  });
  request.resume();
}
