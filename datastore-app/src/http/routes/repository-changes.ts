// SPDX-License-Identifier: Apache-2.0
import { jsonResponse, type Parameter } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { formatDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import { isTag, TAG_RULES } from '@local-datastore/shared/oci/reference';
import type { Request, Response } from 'express';
import * as z from 'zod';
import type { RegistryAccess, RegistryAction, RegistryAllowed } from '../../access/registry-access.ts';
import type { RegistryStore } from '../../blobs/registry-store.ts';
import { type NewChange, type NoteChange, registryImage } from '../../changes/change.ts';
import type { FindRepository } from '../../container-images/known-repositories.ts';
import {
  type RepositoryValidationDeps,
  VALIDATION_PROBLEMS,
  validateRepository,
} from '../../container-images/validate-repository.ts';
import { storedLinks } from '../../registry/manifest-content.ts';
import { formatImportSource, parseImportSource } from '../../registry-imports/import-source.ts';
import { readBounded } from '../bounded-body.ts';
import { originOf } from '../change-origin.ts';
import { readJsonBody } from '../json-body.ts';
import { granted, problems, query } from '../openapi/describe.ts';
import { bytes } from '../openapi/scalars.ts';
import { REGISTRY_API, type RegistryGate } from '../registry-gate.ts';
import { createResource, type Resource } from '../resource.ts';
import {
  noSuchRepository,
  queryOf,
  REGISTRY_OFF,
  REPOSITORY_NAME,
  requireRepository,
} from './repositories.ts';

const PATH = `${REGISTRY_API}/repositories/{repository}`;
const MAX_BODY_BYTES = 4096;

export const validationSchema = () =>
  z.object({
    checked: z.number().int().describe('Manifests and blobs that were read.'),
    checkedBytes: bytes,
    problems: z
      .array(z.object({ digest: z.string(), problem: z.enum(VALIDATION_PROBLEMS) }))
      .describe(
        '`missing`: not here, or known to be damaged before. What is damaged is not served any more; `unreadable`: the disk did not give it.',
      ),
  });

const wantedTagSchema = () => z.object({ digest: z.string().describe('Of a manifest of the repository.') });

const referenceSchema = () =>
  z.strictObject({
    source: z.string().max(1024).describe('Such as `docker://registry.example/lab/app:1.2@sha256:…`.'),
    insecure: z.boolean().optional().describe('Over http.'),
  });

const TAG: Parameter = { in: 'path', name: 'tag', description: 'Such as `1.2`.' };
const DIGEST: Parameter = { in: 'path', name: 'digest', description: 'Such as `sha256:…`.' };

export interface RepositoryChangesDeps extends Pick<RepositoryValidationDeps, 'noteDamaged'> {
  readonly note: NoteChange;
  readonly gate: RegistryGate;
  readonly noteDone: RegistryAccess['noteDone'];
  readonly find: FindRepository;
  readonly stored: RegistryStore;
  /** With what upstreams have: refuses where nothing can be pushed. */
  readonly shown: RegistryStore;
}

/** What a request is about, once it may do it. */
interface Change {
  readonly known: RepositoryChangesDeps;
  readonly repository: string;
  /** A tag or a digest, as the path has it. */
  readonly reference: string;
  readonly allowed: RegistryAllowed;
}

const notThere = (repository: string, reference: string) => ({
  status: 404,
  detail: `There is no ${reference} in the repository "${repository}".`,
});

/** Reads what a tag is to lead to. @returns undefined: it has been answered */
async function readWantedDigest(request: Request, response: Response) {
  const body = await readBounded(request, response, MAX_BODY_BYTES);
  if (body === undefined) {
    sendProblem(response, { status: 413, detail: `At most ${MAX_BODY_BYTES} bytes are taken.` });
    return undefined;
  }
  let document: unknown;
  try {
    document = JSON.parse(body.toString());
  } catch {
    document = undefined;
  }
  const digest = parseOciDigest(wantedTagSchema().safeParse(document).data?.digest ?? '');
  if (digest === undefined) {
    sendProblem(response, { status: 400, detail: 'A JSON document {"digest": "sha256:…"} is expected.' });
  }
  return digest;
}

/**
 * `/-/api/v1/registry/repositories/<name>/…`: changes of what a repository has, for who may push or delete there.
 *
 * @param deps undefined: the registry is off
 */
export function createRepositoryChangeRoutes(deps: RepositoryChangesDeps | undefined): Resource {
  /** Finds out what is to be changed, and whether it may be; answers where not. */
  async function begin(
    request: Request,
    response: Response,
    action: RegistryAction,
  ): Promise<Change | undefined> {
    if (deps === undefined) {
      sendProblem(response, REGISTRY_OFF);
      return undefined;
    }
    const repository = requireRepository(request, response);
    if (repository === undefined) return undefined;
    const { tag, digest } = request.params;
    if (typeof tag === 'string' && !isTag(tag)) {
      sendProblem(response, { status: 400, code: 'NAME_INVALID', detail: TAG_RULES });
      return undefined;
    }
    const reference = typeof tag === 'string' ? tag : typeof digest === 'string' ? digest : undefined;
    const allowed = await deps.gate(request, response, { action, repository, reference });
    return allowed && { known: deps, repository, reference: reference ?? '', allowed };
  }

  async function end(
    response: Response,
    change: Change,
    isDone: boolean,
    done: Pick<NewChange, 'action' | 'digest' | 'source'> & { readonly message: string },
  ): Promise<void> {
    const { known, repository, reference, allowed } = change;
    if (!isDone) {
      sendProblem(response, notThere(repository, reference));
      return;
    }
    const { message, ...told } = done;
    const image = registryImage(repository, reference);
    known.note({ ...told, image, ...originOf(allowed), via: 'api' }, message);
    response.status(204).end();
    await known.noteDone(allowed.subject);
  }

  const release = (isReleased: boolean) => async (request: Request, response: Response) => {
    const change = await begin(request, response, isReleased ? 'push' : 'delete');
    if (change === undefined) return;
    const { known, repository, reference } = change;
    const isDone = await known.stored.releaseTag(repository, reference, isReleased);
    const done = isReleased
      ? ({ action: 'released', message: 'a tag was released' } as const)
      : ({ action: 'unreleased', message: 'a tag is not released any more' } as const);
    await end(response, change, isDone, done);
  };

  return createResource([
    granted({
      method: 'PUT',
      path: `${PATH}/tags/{tag}`,
      summary: 'Point a tag to a manifest that is there',
      parameters: [REPOSITORY_NAME, TAG],
      request: { mediaType: 'application/json', schema: { name: 'WantedTag', zod: wantedTagSchema } },
      responses: { 204: { description: 'It does.' }, ...problems(400, 404, 409, 413, 507) },
      async handle(request, response) {
        const change = await begin(request, response, 'push');
        if (change === undefined) return;
        const { known, repository, reference, allowed } = change;
        const digest = await readWantedDigest(request, response);
        if (digest === undefined) return;
        const manifest = await known.stored.readManifest(repository, { digest });
        if (manifest === undefined) {
          sendProblem(response, notThere(repository, formatDigest(digest)));
          return;
        }
        const { bytes: content, mediaType } = manifest;
        await known.shown.putManifest(repository, {
          ...{ bytes: content, mediaType, digest, tags: [reference], by: allowed.subject },
          ...storedLinks(parseManifest(content, mediaType)),
        });
        const done = { action: 'tagged', digest: formatDigest(digest), message: 'a tag was set' } as const;
        await end(response, change, true, done);
      },
    }),
    granted({
      method: 'PUT',
      path: `${PATH}/tags/{tag}/reference`,
      summary: 'Let a tag stand for an image of another registry, which is fetched at its first pull',
      parameters: [REPOSITORY_NAME, TAG],
      request: { mediaType: 'application/json', schema: { name: 'ExternalImage', zod: referenceSchema } },
      responses: { 204: { description: 'It does.' }, ...problems(400, 404, 409, 413, 507) },
      async handle(request, response) {
        const change = await begin(request, response, 'push');
        if (change === undefined) return;
        const { known, repository, reference: tag, allowed } = change;
        // By it a repository has whatever the manifests there name.
        if (allowed.subject !== 'admin') {
          sendProblem(response, {
            status: 403,
            detail: 'References to other registries are for administrators.',
          });
          return;
        }
        const wanted = await readJsonBody(request, response, referenceSchema(), MAX_BODY_BYTES);
        if (wanted === undefined) return;
        const parsed = parseImportSource(wanted.source);
        if (parsed.kind === 'invalid') {
          sendProblem(response, { status: 400, detail: parsed.reason });
          return;
        }
        const source = formatImportSource(parsed.value);
        const isInsecure = wanted.insecure === true;
        if (!(await known.shown.refer(repository, tag, { source, isInsecure, by: allowed.subject }))) {
          const detail = `${repository}:${tag} leads to an image already: remove the tag first.`;
          sendProblem(response, { status: 409, detail });
          return;
        }
        const message = 'a tag refers to another registry';
        await end(response, change, true, { action: 'tagged', source, message });
      },
    }),
    granted({
      method: 'DELETE',
      path: `${PATH}/tags/{tag}`,
      summary: 'Remove a tag; its manifest stays for a while',
      parameters: [REPOSITORY_NAME, TAG],
      responses: { 204: { description: 'It is gone.' }, ...problems(400, 404, 409) },
      async handle(request, response) {
        const change = await begin(request, response, 'delete');
        if (change === undefined) return;
        const isDone = await change.known.stored.deleteTag(change.repository, change.reference);
        await end(response, change, isDone, { action: 'untagged', message: 'a tag was deleted' });
      },
    }),
    granted({
      method: 'PUT',
      path: `${PATH}/tags/{tag}/release`,
      summary: 'Release a tag: it is never moved or removed',
      parameters: [REPOSITORY_NAME, TAG],
      responses: { 204: { description: 'It is released.' }, ...problems(400, 404, 409) },
      handle: release(true),
    }),
    granted({
      method: 'DELETE',
      path: `${PATH}/tags/{tag}/release`,
      summary: 'Let a released tag be moved again',
      parameters: [REPOSITORY_NAME, TAG],
      responses: { 204: { description: 'It can be moved.' }, ...problems(400, 404, 409) },
      handle: release(false),
    }),
    granted({
      method: 'DELETE',
      path: `${PATH}/manifests/{digest}`,
      summary: 'Remove a manifest with all tags that lead to it',
      parameters: [REPOSITORY_NAME, DIGEST, query('force', '`true`: also where an index names it.')],
      responses: { 204: { description: 'It is gone.' }, ...problems(400, 404, 409) },
      async handle(request, response) {
        const change = await begin(request, response, 'delete');
        if (change === undefined) return;
        const digest = parseOciDigest(change.reference);
        if (digest === undefined) {
          sendProblem(response, {
            status: 400,
            detail: `${change.reference} is no digest, such as sha256:….`,
          });
          return;
        }
        const isForced = queryOf(request).get('force') === 'true';
        const isDone = await change.known.stored.deleteManifest(change.repository, digest, { isForced });
        await end(response, change, isDone, { action: 'deleted', message: 'a manifest was deleted' });
      },
    }),
    granted({
      method: 'POST',
      path: `${PATH}/validate`,
      summary: 'Read everything of a repository again, and compare it with its digests',
      parameters: [REPOSITORY_NAME],
      responses: {
        200: jsonResponse('What that came to.', { name: 'Validation', zod: validationSchema }),
        ...problems(400, 404, 503),
      },
      async handle(request, response) {
        const change = await begin(request, response, 'push');
        if (change === undefined) return;
        const { known, repository } = change;
        const found = known.find(repository);
        if (found === undefined) {
          sendProblem(response, noSuchRepository(repository));
          return;
        }
        // It lasts as long as reading does.
        request.socket.setTimeout(0);
        const ending = new AbortController();
        response.once('close', () => ending.abort());
        response.json(await validateRepository(known, found.record, ending.signal));
      },
    }),
  ]);
}
