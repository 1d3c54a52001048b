// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import {
  BINARY,
  jsonResponse,
  type NamedSchema,
  type OperationResponse,
  type Parameter,
  problemResponse,
} from '@local-datastore/shared/http/operation';
import { problemSchema } from '@local-datastore/shared/http/problem-schema';
import type { Log } from '@local-datastore/shared/log';
import * as z from 'zod';
import { deploymentViewSchema, operationResultSchema } from '../launch/deployments/deployment-view.ts';
import type { Deployments, OperationInput } from '../launch/deployments/deployments.ts';
import { historyEntrySchema } from '../launch/deployments/history.ts';
import type { ChangingOperation } from '../launch/deployments/operations.ts';
import { callerOf } from './caller-of.ts';
import { HttpError } from './http-error.ts';
import { createLogAnswer, LOG_PARAMETERS, LOG_RESPONSE, readCount, signalOf } from './log-answer.ts';
import { answerOperation, LINES_MEDIA_TYPE, throwAsHttpError } from './operation-answer.ts';
import type { Route, RouteRequest } from './router.ts';
import { readUpload } from './upload-body.ts';

export interface DeploymentRoutesDeps {
  /** null: the agent was started without any. */
  readonly deployments: Deployments | null;
  readonly clock: Clock;
  readonly log: Log;
}

const DEPLOYMENT = { name: 'Deployment', zod: () => deploymentViewSchema };
const RESULT = { name: 'DeploymentOperation', zod: () => operationResultSchema };
const DEPLOYMENTS = { name: 'Deployments', zod: () => z.array(deploymentViewSchema) };
const HISTORY = { name: 'DeploymentHistory', zod: () => z.array(historyEntrySchema) };
const PROBLEM: NamedSchema = {
  name: 'DeploymentProblem',
  zod: () =>
    problemSchema().extend({
      why: z.string().optional(),
      logs: z.array(z.string()).optional().describe('The last lines of the container that failed.'),
      serving: z.string().nullable().optional().describe('The image that serves on; null: none.'),
      operation: z.string().optional().describe('What runs already (409).'),
      since: z.string().optional(),
      by: z.string().optional(),
    }),
};
const NAME: Parameter = {
  in: 'path',
  name: 'name',
  description: 'of the deployment, as the configuration has it',
};
const MAX_ENTRIES = 1000;

const REFUSALS: Readonly<Record<number, OperationResponse>> = {
  403: problemResponse(
    'The certificate is not permitted this; nothing is said of whether there is such a one',
    PROBLEM,
  ),
  404: problemResponse('There is no such deployment', PROBLEM),
  503: problemResponse('The container engine is away', PROBLEM),
};
const OPERATION_RESPONSES: Readonly<Record<number, OperationResponse>> = {
  200: jsonResponse(
    `Done. With "Accept: ${LINES_MEDIA_TYPE}" a line of JSON for each event, the last "done" or "failed"`,
    RESULT,
  ),
  ...REFUSALS,
  409: problemResponse('Another operation runs, or there is no version that this one needs', PROBLEM),
  422: problemResponse('It was taken back: "code", "why", the last "logs", and what is "serving"', PROBLEM),
  507: problemResponse('There is no room', PROBLEM),
};
const LOAD_RESPONSES: Readonly<Record<number, OperationResponse>> = {
  ...OPERATION_RESPONSES,
  408: problemResponse('Nothing more came', PROBLEM),
  413: problemResponse('The archive is too large', PROBLEM),
};

const SUMMARIES: Readonly<Record<Exclude<ChangingOperation, 'load' | 'delete'>, string>> = {
  pull: 'Pulls an image from a registry, and replaces what runs by it; what it is pulled from comes from the query or the configuration',
  start:
    'Starts what was stopped; where the configuration has other arguments or another check by now, a new version of the same image',
  stop: 'Stops what runs; it stays stopped',
  restart:
    'Stops what runs, and starts it again; where the configuration has other arguments or another check by now, replaces it by a new version of the same image',
  rollback: 'Replaces what runs by the version before it',
  prune: 'Removes old versions, and images that no version needs',
};

/** @throws HttpError 404 where no deployments are configured */
function given(deployments: Deployments | null): Deployments {
  if (deployments !== null) return deployments;
  throw new HttpError(404, 'This agent has no deployments: start it with --deployments FILE.');
}

/** The operations on deployments. */
export function createDeploymentRoutes({ deployments, clock, log }: DeploymentRoutesDeps): readonly Route[] {
  const asked = async <Value>(ask: (deployments: Deployments) => Value | Promise<Value>): Promise<Value> => {
    try {
      return await ask(given(deployments));
    } catch (error) {
      return throwAsHttpError(error);
    }
  };

  async function operate(
    { request, response, parameters }: RouteRequest,
    operation: ChangingOperation,
    input: OperationInput = {},
  ): Promise<void> {
    const { name = '' } = parameters;
    const offered = given(deployments);
    const caller = callerOf(request);
    const signal = signalOf(request, response);
    await answerOperation(request, response, { nowMs: () => clock.nowMs(), log }, (onEvent) =>
      offered.operate(caller, name, operation, input, onEvent, signal),
    );
  }

  const load = (routed: RouteRequest) => {
    const { request, response } = routed;
    const length = request.headers['content-length'];
    return operate(routed, 'load', {
      openBody: (maxBytes) => readUpload(request, response, maxBytes, clock),
      announcedBytes: length === undefined ? undefined : Number(length),
    });
  };
  const loadRoute = (method: 'PUT' | 'POST', path: string, more = ''): Route => ({
    method,
    path,
    summary: `Loads an image archive, plain or compressed, and replaces what runs by it${more}`,
    parameters: [NAME],
    request: { mediaType: 'application/x-tar', schema: BINARY, isRequired: true },
    responses: LOAD_RESPONSES,
    handle: load,
  });
  const operationRoute = (operation: keyof typeof SUMMARIES): Route => ({
    method: 'POST',
    path: `/v1/deployments/{name}/${operation}`,
    summary: SUMMARIES[operation],
    parameters: [
      NAME,
      ...(operation === 'pull'
        ? [{ in: 'query', name: 'image', description: 'such as docker://ds.local/web:1' } as const]
        : []),
    ],
    responses: OPERATION_RESPONSES,
    handle: (routed) => {
      const reference = routed.query.get('image') ?? undefined;
      return operate(routed, operation, reference === undefined ? {} : { reference });
    },
  });

  const answerLog = createLogAnswer(log);
  const sendLogs = (routed: RouteRequest) =>
    answerLog(routed, (wanted, signal) =>
      asked((offered) =>
        offered.logs(callerOf(routed.request), routed.parameters.name ?? '', wanted, signal),
      ),
    );

  return [
    {
      method: 'GET',
      path: '/v1/deployments',
      summary: 'All deployments that the client may list',
      responses: {
        200: jsonResponse('Deployments', DEPLOYMENTS),
        ...REFUSALS,
      },
      handle: ({ request, response }) =>
        asked((offered) => offered.list(callerOf(request), signalOf(request, response))),
    },
    {
      method: 'GET',
      path: '/v1/deployment-configuration',
      summary: 'Which file names the deployments, and what is wrong with it',
      responses: { 200: jsonResponse('"file", "readAt", "problem" and "warnings"'), ...REFUSALS },
      handle: ({ request }) => asked((offered) => offered.configuration(callerOf(request))),
    },
    {
      method: 'GET',
      path: '/v1/deployments/{name}',
      summary: 'One deployment',
      parameters: [NAME],
      responses: { 200: jsonResponse('Deployment', DEPLOYMENT), ...REFUSALS },
      handle: ({ request, response, parameters }) =>
        asked((offered) =>
          offered.show(callerOf(request), parameters.name ?? '', signalOf(request, response)),
        ),
    },
    {
      method: 'DELETE',
      path: '/v1/deployments/{name}',
      summary: 'Removes all versions of a deployment; the configuration stays, and it can be loaded again',
      parameters: [NAME],
      responses: OPERATION_RESPONSES,
      handle: (routed) => operate(routed, 'delete'),
    },
    ...(['PUT', 'POST'] as const).flatMap((method) => [
      loadRoute(method, '/v1/deployments/{name}/load'),
      loadRoute(method, '/v1/{name}/load', '; by the shorter path of ed-daemon’s README'),
    ]),
    ...(Object.keys(SUMMARIES) as (keyof typeof SUMMARIES)[]).map(operationRoute),
    {
      method: 'GET',
      path: '/v1/deployments/{name}/logs',
      summary: 'Lines of the log of the container that serves',
      parameters: [NAME, ...LOG_PARAMETERS],
      responses: {
        200: LOG_RESPONSE,
        ...REFUSALS,
        409: problemResponse('Nothing is deployed', PROBLEM),
      },
      handle: sendLogs,
    },
    {
      method: 'GET',
      path: '/v1/deployments/{name}/history',
      summary: 'What was done to a deployment, the newest first',
      parameters: [
        NAME,
        { in: 'query', name: 'count', description: `at most so many (default 50, at most ${MAX_ENTRIES})` },
      ],
      responses: { 200: jsonResponse('Entries', HISTORY), ...REFUSALS },
      handle: ({ request, parameters, query }) =>
        asked((offered) =>
          offered.history(
            callerOf(request),
            parameters.name ?? '',
            readCount(query.get('count'), 50, MAX_ENTRIES),
          ),
        ),
    },
    {
      method: 'GET',
      path: '/v1/deployments/{name}/inspect',
      summary: 'The container that serves, as the engine has it',
      parameters: [NAME],
      responses: {
        200: jsonResponse(
          'As GET /containers/{id}/json of the Engine API; and "Drift", as "drift" of the deployment',
        ),
        ...REFUSALS,
        409: problemResponse('Nothing is deployed', PROBLEM),
      },
      handle: ({ request, response, parameters }) =>
        asked((offered) =>
          offered.inspect(callerOf(request), parameters.name ?? '', signalOf(request, response)),
        ),
    },
  ];
}
