// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Problem } from '@local-datastore/shared/http/problem';
import { refuse } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import { pathOfTarget } from '../images/image-path.ts';
import { registryProblem } from './registry-problem.ts';
import { storeProblem } from './store-problem.ts';
import { upstreamProblem } from './upstream-problem.ts';

const READ_FAILED: Problem = { status: 500, detail: 'The request could not be answered; the log says why.' };
const CHANGE_FAILED: Problem = {
  status: 500,
  detail: 'The change failed; the log says why. Nothing of it is kept.',
};

/**
 * Answers a request whose handling ended by an error: what the store refused with its problem, the unforeseen
 * with 500 and a line in the log. An answer that has begun, such as half a tar, is cut off.
 */
export function answerFailure(
  { log }: { readonly log: Log },
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
): void {
  const path = pathOfTarget(request.url ?? '');
  if (request.socket.destroyed || (request.destroyed && !request.complete)) {
    const reason = errorMessage(error);
    log.info(
      { path, reason },
      'the client went away before its request was answered; nothing of a change is kept',
    );
    response.destroy();
    return;
  }
  const problem = storeProblem(error) ?? registryProblem(error) ?? upstreamProblem(error);
  if (problem === undefined || response.headersSent) {
    log.error({ path, reason: errorMessage(error) }, 'a request failed');
  }
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  refuse(request, response, problem ?? (isReading ? READ_FAILED : CHANGE_FAILED));
}
