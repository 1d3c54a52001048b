// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { startEventStream } from '@local-datastore/shared/http/event-stream';
import { jsonResponse, type Parameter, textResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Log } from '@local-datastore/shared/log';
import type { Request, Response } from 'express';
import * as z from 'zod';
import type { RegistryAccess, RegistryAction, RegistryAllowed } from '../../access/registry-access.ts';
import { requireNoArchive } from '../../archives/joined-registry.ts';
import { type NoteChange, registryImage } from '../../changes/change.ts';
import type { ImportJob } from '../../registry-imports/describe-job.ts';
import { hasEnded, IMPORT_STATES } from '../../registry-imports/import-job.ts';
import type { ImportJobs } from '../../registry-imports/import-jobs.ts';
import { decideImport, importRequestSchema } from '../../registry-imports/import-request.ts';
import { JOB_FAILURES } from '../../registry-imports/job-failure.ts';
import type { OpenUpstreams } from '../../upstream/open-upstreams.ts';
import { requireNoUpstream } from '../../upstream/upstream-registry.ts';
import { originOf } from '../change-origin.ts';
import { readJsonBody } from '../json-body.ts';
import { granted, problems } from '../openapi/describe.ts';
import { bytes, time } from '../openapi/scalars.ts';
import { REGISTRY_API, type RegistryGate } from '../registry-gate.ts';
import { createResource, type Resource } from '../resource.ts';
import { REGISTRY_OFF } from './repositories.ts';

const PATH = `${REGISTRY_API}/imports`;
const MAX_BODY_BYTES = 64 * 1024;
/** How often whoever watches is told how far it is. */
const EVENT_INTERVAL_MS = 500;

const JOB = {
  id: z.string(),
  source: z.string().describe('Such as `docker://registry.example/lab/app:1.2`.'),
  repository: z.string().describe('Where it comes to stand.'),
  tag: z.string().nullable().describe('null: several, or none.'),
  tags: z.array(z.string()).describe('Which tags of the source; none: the one that it names.'),
  platforms: z.array(z.string()).describe('None: all.'),
  isInsecure: z.boolean().describe('Over http.'),
  by: z.string().describe('Who asked for it, such as `user:alice`.'),
  state: z.enum(IMPORT_STATES),
  created: time,
  ended: time.nullable(),
  failure: z
    .object({ code: z.enum(JOB_FAILURES), message: z.string().describe('In plain words.') })
    .nullable(),
  digest: z.string().nullable().describe('Of what was imported.'),
  imagesTotal: z.number().int(),
  imagesDone: z.number().int(),
  sizeBytes: bytes.describe('Of all blobs that are known by now.'),
  doneBytes: bytes.describe('Of them, what is here.'),
  fetchedBytes: bytes.describe('What came from the registry for it; the rest was here.'),
  step: z.string().nullable().describe('What is done now.'),
  notes: z.array(z.string()).describe('What should be known though it was done.'),
};

const BLOB = z.object({
  digest: z.string(),
  sizeBytes: bytes,
  receivedBytes: bytes,
  state: z.enum(['waiting', 'coming', 'here']),
});

/** In a list only what is coming is told of blobs. */
export const importJobAnswerSchema = () =>
  z.object({ ...JOB, blobs: z.array(BLOB).describe('While it runs; in a list those that are coming.') });
export const importJobsAnswerSchema = () => z.object({ imports: z.array(importJobAnswerSchema()) });

const ID: Parameter = { in: 'path', name: 'id', description: 'Of an import.' };

export interface ImportJobRoutesDeps {
  readonly log: Log;
  readonly note: NoteChange;
  readonly gate: RegistryGate;
  readonly noteDone: RegistryAccess['noteDone'];
  readonly imports: ImportJobs;
  readonly upstreams: Pick<OpenUpstreams, 'configured'>;
}

const inList = (job: ImportJob): ImportJob => ({
  ...job,
  blobs: job.blobs.filter(({ state }) => state === 'coming'),
});

/** Tells of a job until it has ended, or the client has gone. */
function sendEvents({ imports }: ImportJobRoutesDeps, id: string, response: ServerResponse): void {
  let last = '';
  const stop = () => {
    clearInterval(timer);
    unwatch();
  };
  const stream = startEventStream(response, stop);
  const tell = () => {
    const job = imports.find(id);
    const text = JSON.stringify(job);
    if (job !== undefined && text !== last) stream.send('import', job);
    last = text;
    if (job !== undefined && !hasEnded(job.state)) return;
    stop();
    stream.end();
  };
  const timer = setInterval(tell, EVENT_INTERVAL_MS);
  const unwatch = imports.watch((changed) => {
    if (changed === id) tell();
  });
  tell();
}

/**
 * `/-/api/v1/registry/imports`: images that are to come from other registries, and how far they are. Whoever may push
 * to a repository may have them come there.
 *
 * @param known undefined: the registry is off
 */
export function createImportJobRoutes(known: ImportJobRoutesDeps | undefined): Resource {
  /** Finds a job, and whether it may be seen or changed; answers where not. */
  async function begin(
    request: Request,
    response: Response,
    action: RegistryAction,
  ): Promise<{ known: ImportJobRoutesDeps; job: ImportJob; allowed: RegistryAllowed } | undefined> {
    if (known === undefined) {
      sendProblem(response, REGISTRY_OFF);
      return undefined;
    }
    const id = String(request.params.id);
    const job = known.imports.find(id);
    const wish =
      job === undefined
        ? ({ action: 'catalog', repository: undefined } as const)
        : { action, repository: job.repository };
    const allowed = await known.gate(request, response, wish);
    if (allowed === undefined) return undefined;
    if (job !== undefined) return { known, job, allowed };
    sendProblem(response, { status: 404, detail: `There is no import ${id}.` });
    return undefined;
  }

  return createResource([
    granted({
      method: 'POST',
      path: PATH,
      summary: 'Import an image from another registry, with its signatures',
      request: {
        mediaType: 'application/json',
        schema: { name: 'ImportRequest', zod: importRequestSchema },
      },
      responses: {
        202: jsonResponse('It has begun; `Location` says where to see how far it is.', {
          name: 'ImportJob',
          zod: importJobAnswerSchema,
        }),
        ...problems(400, 404, 409, 413, 507),
      },
      async handle(request, response) {
        if (known === undefined) {
          sendProblem(response, REGISTRY_OFF);
          return;
        }
        const asked = await readJsonBody(request, response, importRequestSchema(), MAX_BODY_BYTES);
        if (asked === undefined) return;
        const decided = decideImport(asked);
        if (decided.kind === 'invalid') {
          sendProblem(response, { status: 400, detail: decided.reason });
          return;
        }
        const { value: wish } = decided;
        const reference = wish.tag ?? undefined;
        const { repository } = wish;
        const allowed = await known.gate(request, response, { action: 'push', repository, reference });
        if (allowed === undefined) return;
        const { subject } = allowed;
        const isAdmin = subject === 'admin';
        if (wish.credential !== undefined && !isAdmin) {
          sendProblem(response, {
            status: 403,
            detail: 'Credentials of other registries are for administrators.',
          });
          return;
        }
        requireNoArchive(repository);
        requireNoUpstream(known.upstreams.configured(), repository);
        const job = await known.imports.add(wish, { ...originOf(allowed), isAdmin });
        known.log.info(
          { id: job.id, source: wish.source, repository, ...originOf(allowed) },
          'an import was asked for',
        );
        response.status(202).location(`${PATH}/${job.id}`).json(job);
        await known.noteDone(subject);
      },
    }),
    granted({
      method: 'GET',
      path: PATH,
      summary: 'The imports that were asked for, the latest first',
      responses: {
        200: jsonResponse('Those into repositories that the caller may pull from.', {
          name: 'ImportJobs',
          zod: importJobsAnswerSchema,
        }),
        ...problems(404),
      },
      async handle(request, response) {
        if (known === undefined) {
          sendProblem(response, REGISTRY_OFF);
          return;
        }
        const allowed = await known.gate(request, response, { action: 'catalog', repository: undefined });
        if (allowed === undefined) return;
        const seen = known.imports.list().filter(({ repository }) => allowed.may('pull', repository));
        response.json({ imports: seen.map(inList) });
      },
    }),
    granted({
      method: 'GET',
      path: `${PATH}/{id}`,
      summary: 'How far an import is',
      parameters: [ID],
      responses: {
        200: jsonResponse('With its blobs.', { name: 'ImportJob', zod: importJobAnswerSchema }),
        ...problems(404),
      },
      async handle(request, response) {
        const found = await begin(request, response, 'pull');
        if (found !== undefined) response.json(found.job);
      },
    }),
    granted({
      method: 'GET',
      path: `${PATH}/{id}/events`,
      summary: 'How far an import is, by server-sent events, until it has ended',
      parameters: [ID],
      responses: {
        200: textResponse('Events named `import`, each with an `ImportJob`.', 'text/event-stream'),
        ...problems(404),
      },
      async handle(request, response) {
        const found = await begin(request, response, 'pull');
        if (found !== undefined) sendEvents(found.known, found.job.id, response);
      },
    }),
    granted({
      method: 'POST',
      path: `${PATH}/{id}/retry`,
      summary: 'Do an import again that failed or was cancelled',
      parameters: [ID],
      responses: {
        202: jsonResponse('It has begun.', { name: 'ImportJob', zod: importJobAnswerSchema }),
        ...problems(404, 409, 507),
      },
      async handle(request, response) {
        const found = await begin(request, response, 'push');
        if (found === undefined) return;
        response.status(202).json(await found.known.imports.retry(found.job.id));
      },
    }),
    granted({
      method: 'DELETE',
      path: `${PATH}/{id}`,
      summary: 'Cancel an import, or forget one that has ended',
      parameters: [ID],
      responses: { 204: { description: 'It is.' }, ...problems(404) },
      async handle(request, response) {
        const found = await begin(request, response, 'push');
        if (found === undefined) return;
        const { id, source, repository, tag } = found.job;
        await found.known.imports.remove(id);
        found.known.note(
          {
            ...{ action: 'discarded', image: registryImage(repository, tag ?? undefined), source },
            ...{ ...originOf(found.allowed), via: 'import job' },
          },
          'an import was cancelled or forgotten',
        );
        response.status(204).end();
      },
    }),
  ]);
}
