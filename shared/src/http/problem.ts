import { type ServerResponse, STATUS_CODES } from 'node:http';

/** What went wrong, to be said as `application/problem+json` (RFC 9457). */
export interface Problem {
  readonly status: number;
  /** One sentence about this very occurrence, for a person. */
  readonly detail: string;
  /** Tells programs which of the project's errors it was, such as `NO_SPACE`. */
  readonly code?: string | undefined;
  /** Why, where there may be several reasons, as sentences. */
  readonly reasons?: readonly string[];
  /** What is wrong with which part of a document that was sent. */
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** Headers that describe a file and not the problem with it. */
const FILE_HEADERS = ['Content-Length', 'Content-Type', 'Last-Modified', 'Repr-Digest'];

/**
 * The body of a problem document (RFC 9457 §3). The status phrase is the title, as of any problem of no type of its
 * own (§4.2.1); members that are undefined are left out.
 */
export function problemBody({ status, detail, ...members }: Problem): string {
  return `${JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, ...members })}\n`;
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
    'Content-Type': PROBLEM_MEDIA_TYPE,
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    ...headers,
  });
  return body;
}
