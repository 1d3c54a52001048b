// SPDX-License-Identifier: Apache-2.0
import { ApiError } from '@local-datastore/shared/page/api-error';
import { problemOf } from '../api/client.ts';
import { createEventParser } from './event-parser.ts';
import type { LogLine } from './log-list.ts';

const EVENTS = '/-/api/v1/log/events';

/**
 * Reads the log until the datastore ends it or the signal aborts. EventSource could not: it sends no credential of ours.
 *
 * @param onLines is given the lines that have come together
 * @throws ApiError
 */
export async function followLog(
  token: string,
  onLines: (lines: readonly LogLine[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch(EVENTS, { headers, credentials: 'omit', cache: 'no-store', signal });
  } catch {
    throw new ApiError('The datastore does not answer.', 0);
  }
  if (!response.ok || response.body === null) throw await problemOf(response);
  const parse = createEventParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = parse(value).map((data) => JSON.parse(data) as LogLine);
      if (lines.length > 0) onLines(lines);
    }
  } catch (error) {
    if (!signal.aborted) throw new ApiError(`The log was cut off: ${String(error)}`, 0);
  }
}
