import type { ServerResponse } from 'node:http';
import { problemDocument } from '@local-datastore/shared/net/problem-document';

/** A request that is refused; becomes `application/problem+json` (RFC 9457). */
export class HttpError extends Error {
  readonly status: number;
  /** Further members of the problem document. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(status: number, detail: string, members: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.name = 'HttpError';
    this.status = status;
    this.members = members;
  }
}

/** Answers with a problem; where the answer has already begun, the connection is cut. */
export function sendProblem(response: ServerResponse, { status, message, members }: HttpError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = problemDocument(status, message, members);
  response.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}
