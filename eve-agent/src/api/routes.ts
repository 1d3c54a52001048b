// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ProcessStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { errorMessage } from '@local-datastore/shared/errors';
import {
  type ContentTreeStatus,
  contentTreeStatusSchema,
} from '@local-datastore/shared/eve/content-tree-status';
import type { NetworkInstance } from '@local-datastore/shared/eve/network-instance-status';
import { type EventStream, startEventStream } from '@local-datastore/shared/http/event-stream';
import { describeApi } from '@local-datastore/shared/http/openapi';
import {
  jsonResponse,
  type Parameter,
  problemResponse,
  textResponse,
} from '@local-datastore/shared/http/operation';
import { problemSchema } from '@local-datastore/shared/http/problem-schema';
import { sayContinue } from '@local-datastore/shared/http/refuse';
import * as z from 'zod';
import { MAX_CONFIG_BYTES, parseConfigText } from '../configuration/config-text.ts';
import { type Configuration, withoutSecrets } from '../configuration/configuration.ts';
import type { Apps } from '../launch/apps/apps.ts';
import { type Reconciler, TREE_ACTIONS, type TreeAction } from '../reconcile/reconciler.ts';
import type { Tally } from '../reconcile/tally.ts';
import type { ChainPlace } from '../sandbox/audit/audit-line.ts';
import type { NtpStatus } from '../sandbox/handlers/ntp-status.ts';
import type { SeparationStatus } from '../sandbox/monitor/separation-status.ts';
import { HttpError } from './http-error.ts';
import type { LogStream } from './log-stream.ts';
import { metricsText } from './metrics.ts';
import { type Route, sendJson } from './router.ts';
import { agentStatusSchema } from './status-schema.ts';

export interface RoutesDeps {
  readonly reconciler: Reconciler;
  readonly configuration: Configuration;
  readonly logStream: LogStream;
  readonly tally: Tally;
  /** The file or folder that the configuration comes from now; null: it is put here. */
  configSource(): string | null;
  readonly version: string;
  /** null: none are launched. */
  readonly apps: Pick<Apps, 'statuses' | 'onEvent'> | null;
  /** Whether each deployment serves; null: none are offered. */
  readonly readServing: ((signal: AbortSignal) => Promise<ReadonlyMap<string, boolean>>) | null;
  /** Those without rights that the service has. */
  processes(): readonly ProcessStatus[];
  /** Whether the network is spoken to by one of them. */
  separation(): SeparationStatus;
  /** Interfaces that get their addresses by DHCP. */
  listDhcp(): readonly object[];
  /** null: no time server is asked. */
  readNtp(): NtpStatus | null;
  /** How far the audit log is on the disk; null: none is kept. */
  auditHead(): ChainPlace | null;
  /** EVE's own, where it runs. */
  listInstances(): readonly NetworkInstance[];
}

/** Of events and logs together: what clients that do not read leave in the memory is bounded. */
const MAX_STREAMS = 32;
/** Metrics are not held up by a container engine that hangs. */
const ENGINE_LIMIT_MS = 2000;

const AGENT_STATUS = { name: 'AgentStatus', zod: agentStatusSchema };
const CONTENT_TREE_STATUS = { name: 'ContentTreeStatus', zod: () => contentTreeStatusSchema };
const PROBLEM = {
  name: 'Problem',
  zod: () =>
    problemSchema().extend({
      problems: z
        .array(z.object({ path: z.string(), message: z.string() }))
        .optional()
        .describe('What is wrong where in a configuration.'),
    }),
};
const DESCRIPTION = {
  title: 'eve-agent',
  description: 'What the service does for its device, and how to steer it. HEAD is answered wherever GET is.',
  otherwise: problemResponse('What went wrong (RFC 9457)', PROBLEM),
};
const eventsResponse = (description: string) => textResponse(description, 'text/event-stream');
const TREE: Parameter = {
  in: 'path',
  name: 'uuid',
  description: 'of the content tree, as the configuration has it',
};
const ACTION: Parameter = {
  in: 'path',
  name: 'action',
  description: 'what is to be done',
  schema: { type: 'string', enum: TREE_ACTIONS },
};

const UNREADY = {
  none: 'No configuration is in force.',
  partial: 'Documents of the newest configuration are refused.',
  refused: 'The newest configuration is refused.',
} as const;

async function readJson(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  sayContinue(request, response);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  // Not to want the rest leaves the connection open, so that the client hears why.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    sizeBytes += (chunk as Buffer).length;
    if (sizeBytes > MAX_CONFIG_BYTES) throw new HttpError(413, `More than ${MAX_CONFIG_BYTES} bytes.`);
    chunks.push(chunk as Buffer);
  }
  try {
    return parseConfigText(Buffer.concat(chunks));
  } catch (error) {
    throw new HttpError(400, `The body cannot be read: ${errorMessage(error)}.`);
  }
}

function sendText(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function isTreeAction(text: string | undefined): text is TreeAction {
  return TREE_ACTIONS.some((action) => action === text);
}

/** The operations of the agent's API. */
export function createRoutes(deps: RoutesDeps): readonly Route[] {
  const { reconciler, configuration, logStream, tally, configSource, version, listInstances } = deps;
  const { apps, readServing } = deps;

  function statusOf(uuid = ''): ContentTreeStatus {
    const status = reconciler.status(uuid);
    if (status === null) throw new HttpError(404, 'The configuration has no content tree of this uuid.');
    return status;
  }

  let streams = 0;
  /** @throws HttpError where as many are open as may be */
  function openStream(response: ServerResponse, onClose: () => void): EventStream {
    if (streams >= MAX_STREAMS) {
      onClose();
      throw new HttpError(503, `${MAX_STREAMS} clients follow events or logs already.`);
    }
    streams += 1;
    return startEventStream(response, () => {
      streams -= 1;
      onClose();
    });
  }

  const routes: Route[] = [
    {
      method: 'GET',
      path: '/v1/status',
      summary: 'The configuration in force, every content tree, every app, and every process without rights',
      responses: {
        200: jsonResponse(
          'Configuration, content trees, apps (null where none are launched), whether a process without rights speaks to the network (separation: on, starting, or off with the reason), processes (with the layers that are in force of each, and those that are missing), the head of the audit log (null where none is kept), the interfaces that get their addresses by DHCP, and the clock with its time servers (null where none is asked)',
          AGENT_STATUS,
        ),
      },
      handle: () => ({
        version,
        configuration: configuration.status(),
        contentTrees: reconciler.statuses(),
        apps: apps?.statuses() ?? null,
        networkInstances: listInstances(),
        separation: deps.separation(),
        processes: deps.processes(),
        audit: deps.auditHead(),
        dhcp: deps.listDhcp(),
        ntp: deps.readNtp(),
      }),
    },
    {
      method: 'GET',
      path: '/v1/content-trees/{uuid}',
      summary: 'One content tree',
      parameters: [TREE],
      responses: { 200: jsonResponse('ContentTreeStatus', CONTENT_TREE_STATUS) },
      handle: ({ parameters }) => statusOf(parameters.uuid),
    },
    {
      method: 'POST',
      path: '/v1/content-trees/{uuid}/{action}',
      summary: `Steers one content tree; the action is one of ${TREE_ACTIONS.join(', ')}`,
      parameters: [TREE, ACTION],
      responses: { 202: jsonResponse('ContentTreeStatus', CONTENT_TREE_STATUS) },
      handle: ({ parameters, response }) => {
        const { uuid = '', action } = parameters;
        if (!isTreeAction(action)) throw new HttpError(404, `The actions are ${TREE_ACTIONS.join(', ')}.`);
        const outcome = reconciler.act(uuid, action);
        if (outcome === 'unusable')
          throw new HttpError(409, 'The content tree cannot be used as it is configured.');
        if (outcome === 'verified') throw new HttpError(409, 'The content is verified already.');
        const status = statusOf(uuid);
        sendJson(response, 202, status);
      },
    },
    {
      method: 'GET',
      path: '/v1/events',
      summary: 'Status as it changes: everything at first, then each change',
      responses: {
        200: eventsResponse(
          'Events configuration, content-tree, content-tree-removed, app, app-state (an AppStateChange: who is behind it, and why), app-removed',
        ),
      },
      handle({ response }) {
        const ends = [
          reconciler.onEvent((event) => {
            if (event.kind === 'status') stream.send('content-tree', event.status);
            else stream.send('content-tree-removed', { ContentID: event.uuid });
          }),
          configuration.onChange((status) => stream.send('configuration', status)),
          apps?.onEvent((event) => {
            if (event.kind === 'status') stream.send('app', event.status);
            else if (event.kind === 'state') stream.send('app-state', event.change);
            else stream.send('app-removed', { AppID: event.id });
          }) ?? (() => {}),
        ];
        const stream = openStream(response, () => {
          for (const end of ends) end();
        });
        stream.send('configuration', configuration.status());
        for (const status of reconciler.statuses()) stream.send('content-tree', status);
        for (const status of apps?.statuses() ?? []) stream.send('app', status);
      },
    },
    {
      method: 'GET',
      path: '/v1/logs',
      summary: 'Lines of the log: the last ones at first, then each as it is written',
      parameters: [
        { in: 'query', name: 'tree', description: 'only lines about the content tree with this uuid' },
        { in: 'query', name: 'follow', description: '"false": end after the lines that are there' },
      ],
      responses: { 200: eventsResponse('Events line') },
      handle({ response, query }) {
        const tree = query.get('tree')?.toLowerCase() ?? null;
        if (tree !== null) statusOf(tree);
        const isShown = ({ trees }: { trees: readonly string[] }) => tree === null || trees.includes(tree);
        const end = logStream.onLine((line) => isShown(line) && stream.send('line', line));
        const stream = openStream(response, end);
        for (const line of logStream.recent()) if (isShown(line)) stream.send('line', line);
        if (query.get('follow') === 'false') stream.end();
      },
    },
    {
      method: 'GET',
      path: '/v1/configuration',
      summary: 'The device configuration in force, without its secrets',
      responses: { 200: jsonResponse('In the JSON form of EVE’s API') },
      handle: () => withoutSecrets(configuration.current()),
    },
    {
      method: 'PUT',
      path: '/v1/configuration',
      summary: 'Puts a device configuration in force',
      request: { mediaType: 'application/json', isRequired: true },
      responses: {
        200: jsonResponse('What is in force now; "warnings" tell what a person should know'),
        400: problemResponse('The body is not JSON, but what "detail" says', PROBLEM),
        409: problemResponse('A file or folder gives the configuration', PROBLEM),
        413: problemResponse('The body is too large', PROBLEM),
        422: problemResponse(
          'No device configuration: neither {} nor datastores or contentInfo, also in an envelope ("config")',
          PROBLEM,
        ),
      },
      async handle({ request, response }) {
        const source = configSource();
        if (source !== null) {
          throw new HttpError(409, `The configuration comes from ${source}: change it there.`);
        }
        const isTaken = configuration.offer(
          [{ name: '', document: await readJson(request, response) }],
          'api',
        );
        const status = configuration.status();
        if (isTaken) return status;
        const detail = 'The configuration is refused; the old one stays in force.';
        throw new HttpError(422, detail, { problems: status.problems });
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      summary: 'Prometheus metrics',
      responses: { 200: textResponse('Text format 0.0.4') },
      async handle({ response }) {
        const limited = AbortSignal.timeout(ENGINE_LIMIT_MS);
        const deployments = readServing && (await readServing(limited).catch(() => 'engine-away' as const));
        const text = metricsText({
          version,
          ...{
            processes: deps.processes(),
            isSeparated: deps.separation().state === 'on',
            ntp: deps.readNtp(),
          },
          ...{ contentTrees: reconciler.statuses(), tally, deployments, apps: apps?.statuses() ?? null },
          isConfigurationRefused: ['partial', 'refused'].includes(configuration.status().state),
        });
        sendText(response, 200, 'text/plain; version=0.0.4; charset=utf-8', text);
      },
    },
    {
      method: 'GET',
      path: '/livez',
      summary: 'Whether the service answers',
      responses: { 200: textResponse('It does') },
      handle: ({ response }) => sendText(response, 200, 'text/plain', 'ok\n'),
    },
    {
      method: 'GET',
      path: '/readyz',
      summary: 'Whether a configuration is in force and was not followed by a bad one',
      responses: {
        200: textResponse('It is'),
        503: problemResponse('It is not', PROBLEM),
      },
      handle({ response }) {
        const { state } = configuration.status();
        if (state === 'applied') sendText(response, 200, 'text/plain', 'ok\n');
        else {
          throw new HttpError(503, UNREADY[state]);
        }
      },
    },
  ];
  return routes;
}

/** Routes, and one by which they are described. */
export function withDescription(routes: readonly Route[], version: string): readonly Route[] {
  const all: Route[] = [
    ...routes,
    {
      method: 'GET',
      path: '/openapi.json',
      summary: 'This description',
      responses: { 200: jsonResponse('OpenAPI 3.1') },
      handle: () => describeApi({ ...DESCRIPTION, version }, all),
    },
  ];
  return all;
}
