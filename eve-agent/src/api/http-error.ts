// SPDX-License-Identifier: Apache-2.0
import type { Problem } from '@local-datastore/shared/http/problem';

/** A request that is refused. */
export class HttpError extends Error {
  readonly problem: Problem;

  constructor(status: number, detail: string, members: Omit<Problem, 'status' | 'detail'> = {}) {
    super(detail);
    this.name = 'HttpError';
    this.problem = { status, detail, ...members };
  }
}
