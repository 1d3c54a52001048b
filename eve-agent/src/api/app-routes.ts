// SPDX-License-Identifier: Apache-2.0
import { appInstanceStatusSchema } from '@local-datastore/shared/eve/app-instance-status';
import {
  BINARY,
  jsonResponse,
  type NamedSchema,
  type Parameter,
  problemResponse,
} from '@local-datastore/shared/http/operation';
import { problemSchema } from '@local-datastore/shared/http/problem-schema';
import type { Log } from '@local-datastore/shared/log';
import * as z from 'zod';
import { type AppAccess, AppAccessError } from '../launch/apps/app-access.ts';
import { APP_ACTIONS, type AppAction } from '../launch/apps/app-action.ts';
import type { Apps } from '../launch/apps/apps.ts';
import { CONSOLE_MEDIA_TYPE, createConsoleAnswer } from './console-answer.ts';
import { HttpError } from './http-error.ts';
import { createLogAnswer, LOG_PARAMETERS, LOG_RESPONSE } from './log-answer.ts';
import { throwAsHttpError } from './operation-answer.ts';
import { type Route, sendJson } from './router.ts';

const APP = { name: 'AppInstanceStatus', zod: () => appInstanceStatusSchema };
const APPS = { name: 'AppInstances', zod: () => z.array(appInstanceStatusSchema) };
const PROBLEM: NamedSchema = { name: 'AppProblem', zod: problemSchema };
const ID: Parameter = { in: 'path', name: 'uuid', description: 'of the app, as the configuration has it' };
const ACTION: Parameter = {
  in: 'path',
  name: 'action',
  description: 'what is to be done',
  schema: { type: 'string', enum: APP_ACTIONS },
};

const isAppAction = (text: string | undefined): text is AppAction =>
  APP_ACTIONS.some((action) => action === text);

const ACCESS_STATUS = {
  APP_UNKNOWN: 404,
  APP_NOT_STARTED: 409,
  APP_NOT_RUNNING: 409,
  APP_WITHOUT_CONSOLE: 409,
} satisfies Record<AppAccessError['code'], number>;

export interface AppRoutesDeps {
  /** null: the agent was started without any. */
  readonly apps: Apps | null;
  readonly access: AppAccess | null;
  readonly log: Log;
}

/** The operations on applications. */
export function createAppRoutes({ apps, access, log }: AppRoutesDeps): readonly Route[] {
  const answerLog = createLogAnswer(log);
  const answerConsole = createConsoleAnswer(log);
  function given<Value>(value: Value | null): Value {
    if (value !== null) return value;
    throw new HttpError(404, 'This agent launches no apps: it is started with --apps where it is to.');
  }
  const need = () => given(apps);

  /** What an app is asked for goes on as what the client is told. @throws HttpError */
  async function asked<Value>(ask: (access: AppAccess) => Promise<Value>): Promise<Value> {
    try {
      return await ask(given(access));
    } catch (error) {
      if (!(error instanceof AppAccessError)) return throwAsHttpError(error);
      throw new HttpError(ACCESS_STATUS[error.code], error.message, { code: error.code });
    }
  }

  return [
    {
      method: 'GET',
      path: '/v1/apps',
      summary: 'The apps of the configuration',
      responses: { 200: jsonResponse('Apps', APPS), 404: problemResponse('None are launched', PROBLEM) },
      handle: () => need().statuses(),
    },
    {
      method: 'GET',
      path: '/v1/apps/{uuid}',
      summary: 'One app',
      parameters: [ID],
      responses: {
        200: jsonResponse('AppInstanceStatus', APP),
        404: problemResponse('No such app', PROBLEM),
      },
      handle({ parameters }) {
        const status = need().status(parameters.uuid ?? '');
        if (status === null) throw new HttpError(404, 'The configuration has no app of this uuid.');
        return status;
      },
    },
    {
      method: 'GET',
      path: '/v1/apps/{uuid}/logs',
      summary:
        'Lines that an app wrote: the log of its container, or what its VM wrote to its serial console',
      parameters: [ID, ...LOG_PARAMETERS],
      responses: {
        200: LOG_RESPONSE,
        404: problemResponse('No such app', PROBLEM),
        409: problemResponse('It was never started', PROBLEM),
        503: problemResponse('Its engine is away', PROBLEM),
      },
      handle: (routed) =>
        answerLog(routed, (wanted, signal) =>
          asked((looked) => looked.logs(routed.parameters.uuid ?? '', wanted, signal)),
        ),
    },
    {
      method: 'POST',
      path: '/v1/apps/{uuid}/console',
      summary:
        'The serial console of a VM: the request is what is typed, the answer what is shown, both as they come',
      parameters: [ID],
      request: { mediaType: CONSOLE_MEDIA_TYPE, schema: BINARY },
      responses: {
        200: {
          description: 'What the VM writes from now on, as bytes that act on a terminal, until it ends',
          content: { mediaType: CONSOLE_MEDIA_TYPE, schema: BINARY },
        },
        404: problemResponse('No such app', PROBLEM),
        409: problemResponse('It is a container, or does not run', PROBLEM),
        503: problemResponse('Too many look at consoles', PROBLEM),
      },
      handle: (routed) =>
        answerConsole(routed, (signal) =>
          asked((looked) => looked.openConsole(routed.parameters.uuid ?? '', signal)),
        ),
    },
    {
      method: 'POST',
      path: '/v1/apps/{uuid}/{action}',
      summary: 'Starts an app again, or makes it anew from its image',
      parameters: [ID, ACTION],
      responses: {
        202: jsonResponse('AppInstanceStatus', APP),
        404: problemResponse('No such app, or action', PROBLEM),
        409: problemResponse('It is not to run, or cannot', PROBLEM),
      },
      handle({ parameters, response }) {
        const { uuid = '', action } = parameters;
        if (!isAppAction(action)) throw new HttpError(404, `The actions are ${APP_ACTIONS.join(', ')}.`);
        const outcome = need().act(uuid, action);
        if (outcome === 'unknown') throw new HttpError(404, 'The configuration has no app of this uuid.');
        if (outcome === 'unusable')
          throw new HttpError(409, 'The app is not to run, or cannot be run as it is configured.');
        sendJson(response, 202, need().status(uuid));
      },
    },
  ];
}
