// SPDX-License-Identifier: Apache-2.0
/** A problem document, as far as the pages read it (RFC 9457). */
export interface Problem {
  readonly status?: number;
  readonly detail?: string;
  readonly code?: string;
}

/** The program refused, or cannot be reached. */
export class ApiError extends Error {
  /** The HTTP status; 0: no answer. */
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, status: number, retryAfterSeconds?: number) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The problem that a body tells of, or an empty one. */
export function parseProblem(body: string): Problem {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
