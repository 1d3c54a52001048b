// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage } from '@local-datastore/shared/errors';
import { endOnceSent } from '@local-datastore/shared/http/lingering-close';
import { problemBody } from '@local-datastore/shared/http/problem';
import { sayContinue } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import type { OperationEvent, OperationResult } from '../launch/deployments/deployment-view.ts';
import { deploymentProblem } from './deployment-problems.ts';
import { HttpError } from './http-error.ts';
import { sendJson } from './router.ts';

export const LINES_MEDIA_TYPE = 'application/x-ndjson';

/** So often at most is told how much has come. */
const RECEIVED_INTERVAL_MS = 500;

const UNFORESEEN = {
  status: 500,
  detail: 'The operation failed in a way that nobody foresaw; the log says why.',
};

/** @throws HttpError for what was foreseen, the error as it is otherwise */
export function throwAsHttpError(error: unknown): never {
  const problem = deploymentProblem(error);
  if (problem === undefined) throw error;
  const { status, detail, ...members } = problem;
  throw new HttpError(status, detail, members);
}

const wantsLines = ({ headers }: IncomingMessage) => headers.accept?.includes(LINES_MEDIA_TYPE) === true;

/**
 * Carries an operation out, and answers what came of it: a document, or for whoever accepts lines of JSON each event as
 * it happens, the last of them `done` or `failed`. What is refused before it begins is answered alike to both.
 */
export async function answerOperation(
  request: IncomingMessage,
  response: ServerResponse,
  { nowMs, log }: { nowMs(): number; readonly log: Log },
  operate: (onEvent: (event: OperationEvent) => void) => Promise<OperationResult>,
): Promise<void> {
  const isLines = wantsLines(request);
  let hasBegun = false;
  let toldMs = Number.NEGATIVE_INFINITY;
  // What nobody reads is not gathered in memory: there are some dozens of steps, and a line for half a second.
  const write = (line: object) => {
    if (!response.writableEnded && !response.destroyed) response.write(`${JSON.stringify(line)}\n`);
  };
  const onEvent = (event: OperationEvent) => {
    if (!isLines) return;
    if (!hasBegun) {
      hasBegun = true;
      // Whoever waits for it is told to send first: behind the head of the answer it would be none.
      sayContinue(request, response);
      response.writeHead(200, { 'Content-Type': LINES_MEDIA_TYPE, 'Cache-Control': 'no-store' });
    }
    if (event.event === 'received') {
      if (nowMs() - toldMs < RECEIVED_INTERVAL_MS) return;
      toldMs = nowMs();
    }
    write(event);
  };
  let result: OperationResult;
  try {
    result = await operate(onEvent);
  } catch (error) {
    if (!hasBegun) throwAsHttpError(error);
    const problem = deploymentProblem(error);
    if (problem === undefined) {
      log.error({ path: request.url, reason: errorMessage(error) }, 'an operation failed');
    }
    const { type: _, ...said } = JSON.parse(problemBody(problem ?? UNFORESEEN)) as Record<string, unknown>;
    write({ event: 'failed', ...said });
    endOnceSent(request, response);
    return;
  }
  if (hasBegun) {
    write({ event: 'done', ...result });
    response.end();
  } else sendJson(response, 200, result);
}
