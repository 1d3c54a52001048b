// SPDX-License-Identifier: Apache-2.0
import { startEventStream } from '@local-datastore/shared/http/event-stream';
import { jsonResponse, textResponse } from '@local-datastore/shared/http/operation';
import type { Request, Response } from 'express';
import * as z from 'zod';
import type { Wish } from '../../access/policy.ts';
import type { LogLines } from '../../activity/log-lines.ts';
import type { Authorize } from '../authorize.ts';
import { write } from '../openapi/describe.ts';
import { time } from '../openapi/scalars.ts';
import { createResource, type Resource } from '../resource.ts';

const LOG = '/-/api/v1/log';
const TO_READ: Wish = { action: 'read', resource: { kind: 'log' } };

const logLineSchema = () =>
  z.object({
    id: z.number().int().describe('Grows by one a line.'),
    time,
    level: z.string(),
    message: z.string(),
    fields: z.record(z.string(), z.unknown()).describe('What else stands in it.'),
  });

export const logLinesSchema = () => z.object({ lines: z.array(logLineSchema()) });

export interface LogRoutesDeps {
  readonly logLines: LogLines;
  readonly authorize: Authorize;
  /** Aborted when the datastore stops: who follows the log would never end by itself. */
  readonly stopping: AbortSignal;
}

/** `/-/api/v1/log`: the last lines of the log; it tells who does what, and is for whoever may write. */
export function createLogRoutes({ logLines, authorize, stopping }: LogRoutesDeps): Resource {
  function sendEvents(request: Request, response: Response): void {
    // Lines may be far between.
    request.socket.setTimeout(0);
    const gone = new AbortController();
    const events = startEventStream(response, () => gone.abort());
    for (const line of logLines.list()) events.send('line', line);
    const unfollow = logLines.follow((line) => events.send('line', line));
    gone.signal.addEventListener('abort', unfollow, { once: true });
    if (stopping.aborted) events.end();
    else stopping.addEventListener('abort', events.end, { once: true, signal: gone.signal });
  }

  return createResource(
    [
      write({
        method: 'GET',
        path: LOG,
        summary: 'The last lines of the log',
        responses: { 200: jsonResponse('The oldest first.', { name: 'LogLines', zod: logLinesSchema }) },
        handle: (_request, response) => response.json({ lines: logLines.list() }),
      }),
      write({
        method: 'GET',
        path: `${LOG}/events`,
        summary: 'The last lines of the log and all that follow, by server-sent events',
        responses: { 200: textResponse('Events named `line`, each with a line.', 'text/event-stream') },
        handle: sendEvents,
      }),
    ],
    {
      before: (request, response, next) => {
        if (authorize(request, response, TO_READ)) next();
      },
    },
  );
}
