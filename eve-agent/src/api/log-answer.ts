// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type OperationResponse, type Parameter, textResponse } from '@local-datastore/shared/http/operation';
import type { Log } from '@local-datastore/shared/log';
import type { LogLine, LogsWanted } from '../launch/engine/container-engine.ts';
import { HttpError } from './http-error.ts';
import { LINES_MEDIA_TYPE } from './operation-answer.ts';
import type { RouteRequest } from './router.ts';

const DEFAULT_LINES = 200;
const MAX_LINES = 10_000;
/** Of logs that are followed together. */
const MAX_STREAMS = 32;

/** What a request for a log may say. */
export const LOG_PARAMETERS: readonly Parameter[] = [
  {
    in: 'query',
    name: 'tail',
    description: `so many of the last lines; "all" (default ${DEFAULT_LINES}, at most ${MAX_LINES})`,
  },
  { in: 'query', name: 'follow', description: 'goes on with what comes' },
  { in: 'query', name: 'timestamps', description: 'the time before each line' },
];
export const LOG_RESPONSE: OperationResponse = textResponse(
  `Lines; with "Accept: ${LINES_MEDIA_TYPE}" each as JSON with its stream`,
);

/** @param most that may be asked for, also by `all` @throws HttpError 400 */
export function readCount(text: string | null, fallback: number, most: number): number {
  if (text === null || text === '' || text === 'all') return text === 'all' ? most : fallback;
  const count = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count <= most)) throw new HttpError(400, `"${text}" is no number of lines from 0 to ${most}.`);
  return count;
}

const isOn = (text: string | null) => text !== null && !['false', '0'].includes(text);

/** A signal that ends with the connection of whoever asks. */
export function signalOf(request: IncomingMessage, response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new Error(`the client of ${request.url ?? ''} is gone`));
  });
  return gone.signal;
}

/** Answers with a log. */
export type AnswerLog = (
  routed: RouteRequest,
  open: (wanted: Required<LogsWanted>, signal: AbortSignal) => Promise<AsyncIterable<LogLine>>,
) => Promise<void>;

/** So many at a time as are good for the agent: more are refused. */
export function createLogAnswer(log: Log): AnswerLog {
  let streams = 0;
  return async ({ request, response, query }, open) => {
    const wanted = {
      tail: readCount(query.get('tail'), DEFAULT_LINES, MAX_LINES),
      isFollowed: isOn(query.get('follow')),
      hasTimes: isOn(query.get('timestamps')),
    };
    if (streams >= MAX_STREAMS) throw new HttpError(503, `${MAX_STREAMS} clients read logs already.`);
    streams += 1;
    try {
      const signal = signalOf(request, response);
      const lines = await open(wanted, signal);
      const isJson = request.headers.accept?.includes(LINES_MEDIA_TYPE) === true;
      response.writeHead(200, {
        'Content-Type': isJson ? LINES_MEDIA_TYPE : 'text/plain; charset=utf-8',
        'Cache-Control': 'no-store',
        // What a browser is shown is text, whatever it looks like.
        'X-Content-Type-Options': 'nosniff',
      });
      response.flushHeaders();
      if (request.method === 'HEAD') return void response.end();
      try {
        for await (const line of lines) {
          const text = isJson ? JSON.stringify(line) : `${line.at === null ? '' : `${line.at} `}${line.text}`;
          // A client that does not read is waited for; the engine holds the rest.
          if (!response.write(`${text}\n`)) await once(response, 'drain', { signal });
        }
        response.end();
      } catch (error) {
        // The answer has begun: that it breaks off is all that can be told.
        if (!signal.aborted) log.warn({ err: error, path: request.url }, 'a log breaks off');
        response.destroy();
      }
    } finally {
      streams -= 1;
    }
  };
}
