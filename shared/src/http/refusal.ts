// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';

/** An answer that says no, or not so. */
export interface Refusal {
  readonly status: number;
  readonly mediaType: string;
  readonly body: string;
}

/** Headers that describe a file and not what is wrong. */
const FILE_HEADERS = ['Content-Length', 'Content-Type', 'Last-Modified', 'Repr-Digest'];

/**
 * Answers with a refusal. When the answer has already begun, nothing can be said any more: the connection is
 * cut, so that the client sees fewer bytes than Content-Length promised.
 */
export function sendRefusal(
  response: ServerResponse,
  refusal: Refusal,
  headers: Readonly<Record<string, string>>,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  begin(response, refusal, headers);
  response.end(response.req.method === 'HEAD' ? undefined : refusal.body);
}

/** Sends all of the answer, and leaves it to the caller to end it. */
export function writeRefusal(
  response: ServerResponse,
  refusal: Refusal,
  headers: Readonly<Record<string, string>>,
): void {
  begin(response, refusal, headers);
  response.write(refusal.body);
}

function begin(
  response: ServerResponse,
  { status, mediaType, body }: Refusal,
  headers: Readonly<Record<string, string>>,
): void {
  for (const name of FILE_HEADERS) response.removeHeader(name);
  response.writeHead(status, {
    'Content-Type': mediaType,
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    ...headers,
  });
}
