import type { ServerResponse } from 'node:http';
import { problemDocument } from '@local-datastore/shared/net/problem-document';

/** Says what went wrong as `application/problem+json` (RFC 9457). The status phrase is the title. */
export interface Problem {
  readonly status: number;
  /** One sentence about this very occurrence, for a person. */
  readonly detail: string;
  /** Tells programs which of the project's errors it was, such as `NO_SPACE`. */
  readonly code?: string | undefined;
  /** Why, where there may be several reasons. */
  readonly reasons?: readonly string[];
}

export const NO_SUCH_IMAGE: Problem = { status: 404, detail: 'There is no image at this path.' };

/** Headers that describe a file and not the problem with it. */
const FILE_HEADERS = ['Content-Length', 'Content-Type', 'Last-Modified', 'Repr-Digest'];

/** The body of a problem document. */
export function problemBody({ status, detail, code, reasons }: Problem): string {
  return problemDocument(status, detail, { code, reasons });
}

/**
 * Answers with a problem. When the answer has already begun, nothing can be said any more: the connection is
 * cut, so that the client sees fewer bytes than Content-Length promised.
 */
export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = begin(response, problem, headers);
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** Sends all of the answer, and leaves it to the caller to end it. */
export function writeProblem(
  response: ServerResponse,
  problem: Problem,
  headers: Readonly<Record<string, string>>,
): void {
  response.write(begin(response, problem, headers));
}

/** Sends the head. @returns the body */
function begin(
  response: ServerResponse,
  problem: Problem,
  headers: Readonly<Record<string, string>>,
): string {
  const body = problemBody(problem);
  for (const name of FILE_HEADERS) response.removeHeader(name);
  response.writeHead(problem.status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    ...headers,
  });
  return body;
}
