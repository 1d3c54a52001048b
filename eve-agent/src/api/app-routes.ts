import { appInstanceStatusSchema } from '@local-datastore/shared/eve/app-instance-status';
import {
  jsonResponse,
  type NamedSchema,
  type Parameter,
  problemResponse,
} from '@local-datastore/shared/http/operation';
import { problemSchema } from '@local-datastore/shared/http/problem-schema';
import * as z from 'zod';
import { APP_ACTIONS, type AppAction } from '../launch/apps/app-action.ts';
import type { Apps } from '../launch/apps/apps.ts';
import { HttpError } from './http-error.ts';
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

/** The operations on applications. @param apps null: the agent was started without any */
export function createAppRoutes(apps: Apps | null): readonly Route[] {
  function need(): Apps {
    if (apps !== null) return apps;
    throw new HttpError(404, 'This agent launches no apps: it is started with --apps where it is to.');
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
