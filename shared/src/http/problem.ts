// SPDX-License-Identifier: Apache-2.0
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { type Refusal, sendRefusal } from './refusal.ts';

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
  /** What problems of one kind say beyond that (RFC 9457 §3.2), by its name. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/**
 * The body of a problem document (RFC 9457 §3). The status phrase is the title, as of any problem of no type of its
 * own (§4.2.1); members that are undefined are left out.
 */
export function problemBody({ status, detail, extensions, ...members }: Problem): string {
  const known = { type: 'about:blank', title: STATUS_CODES[status], status, detail, ...members };
  // What is known stands in front, and is nobody else's.
  return `${JSON.stringify({ ...known, ...extensions, ...known })}\n`;
}

/** A problem as an answer. */
export const problemRefusal = (problem: Problem): Refusal => ({
  status: problem.status,
  mediaType: PROBLEM_MEDIA_TYPE,
  body: problemBody(problem),
});

/** Answers with a problem, as {@link sendRefusal} does. */
export const sendProblem = (
  response: ServerResponse,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): void => sendRefusal(response, problemRefusal(problem), headers);
