// SPDX-License-Identifier: Apache-2.0
import type { Problem } from '@local-datastore/shared/http/problem';
import { UpstreamError } from '../upstream/upstream-error.ts';

/** What a failure of an upstream is to the client; undefined for what is no UpstreamError. */
export function upstreamProblem(error: unknown): Problem | undefined {
  if (!(error instanceof UpstreamError)) return undefined;
  const detail = `The image is not here, and its upstream does not give it: ${error.message}.`;
  return { status: 502, code: 'UPSTREAM_FAILED', detail };
}
