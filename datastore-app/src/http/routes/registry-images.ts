import { errorMessage } from '@local-datastore/shared/errors';
import { BINARY, jsonResponse } from '@local-datastore/shared/http/operation';
import { type Problem, sendProblem } from '@local-datastore/shared/http/problem';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { parsePlatform } from '@local-datastore/shared/oci/platform';
import { parseManifestReference, whyNoRepositoryName } from '@local-datastore/shared/oci/reference';
import type { Request, Response } from 'express';
import * as z from 'zod';
import type { RegistryAccess, RegistryAllowed, RegistryWish } from '../../access/registry-access.ts';
import {
  EXPORT_FORMS,
  ExportError,
  type ExportErrorCode,
  openExport,
  planExport,
} from '../../archives/export-image.ts';
import { isOfArchive } from '../../archives/joined-registry.ts';
import type { RegistryStore } from '../../blobs/registry-store.ts';
import { describeRepository } from '../../registry/describe-repository.ts';
import { problems, query, read } from '../openapi/describe.ts';
import { bytes } from '../openapi/scalars.ts';
import { createResource, type Resource } from '../resource.ts';
import { RefusedRead, type SendSource } from '../send-source.ts';

const API = '/-/api/v1/registry';
const PAGE_SIZE = 1000;
const REGISTRY_OFF: Problem = { status: 404, detail: 'The registry is off (--registry).' };

const KINDS = ['pushed', 'archive', 'upstream'] as const;

export const repositoriesSchema = () =>
  z.object({
    repositories: z.array(z.object({ name: z.string(), kind: z.enum(KINDS) })),
    isMore: z.boolean().describe('There are more behind the last.'),
  });

export const repositorySchema = () =>
  z.object({
    name: z.string(),
    kind: z.enum(KINDS),
    tags: z.array(
      z.object({
        tag: z.string(),
        digest: z.string(),
        mediaType: z.string(),
        kind: z.enum(['image', 'index', 'artifact']),
        artifactType: z.string().nullable(),
        sizeBytes: bytes,
        platforms: z.array(z.string()),
      }),
    ),
  });

const EXPORT_STATUS: Readonly<Record<ExportErrorCode, number>> = {
  IMAGE_UNKNOWN: 404,
  PLATFORM_UNKNOWN: 409,
  NOT_LOADABLE: 409,
  CONTENT_MISSING: 409,
};

export interface RegistryImagesRoutesDeps {
  readonly log: Log;
  /** undefined: the registry is off. */
  readonly registry: { readonly store: RegistryStore; readonly access: RegistryAccess } | undefined;
  /** Whether a repository comes from an upstream. */
  isOfUpstream(repository: string): boolean;
  readonly sendSource: SendSource;
}

const queryOf = ({ url }: Request) => new URL(url, 'http://datastore.invalid').searchParams;

/** What a path names behind its beginning, percent-encoding undone; undefined where that is no text. */
function restOf({ path }: Request, beginning: string): string | undefined {
  try {
    return decodeURIComponent(path.slice(beginning.length));
  } catch {
    return undefined;
  }
}

const NAME = {
  in: 'path',
  name: 'name',
  description: 'Of a repository; may hold slashes.',
  mayHoldSlashes: true,
} as const;

/**
 * `/-/api/v1/registry/repositories` and `/-/api/v1/registry/export`: what the registry has, as far as whoever asks may
 * pull it, and images as archives.
 */
export function createRegistryImagesRoutes(deps: RegistryImagesRoutesDeps): Resource {
  const { log, registry, sendSource } = deps;

  const kindOf = (name: string): (typeof KINDS)[number] =>
    isOfArchive(name) ? 'archive' : deps.isOfUpstream(name) ? 'upstream' : 'pushed';

  /** Answers who may not. @returns what may be seen; undefined: it is answered */
  async function admit(
    request: Request,
    response: Response,
    wish: RegistryWish,
  ): Promise<{ store: RegistryStore; allowed: RegistryAllowed } | undefined> {
    if (registry === undefined) {
      sendProblem(response, REGISTRY_OFF);
      return undefined;
    }
    const decision = await registry.access.decide(request, wish);
    if (decision.kind === 'allowed') return { store: registry.store, allowed: decision };
    const { status, detail, challenge, retryAfterSeconds } = decision;
    sendProblem(
      response,
      { status, detail },
      {
        ...(challenge !== undefined && { 'WWW-Authenticate': challenge }),
        ...(retryAfterSeconds !== undefined && { 'Retry-After': String(retryAfterSeconds) }),
      },
    );
    return undefined;
  }

  async function sendExport(request: Request, response: Response, image: string): Promise<void> {
    const at = image.includes('@') ? image.indexOf('@') : image.lastIndexOf(':');
    const repository = at < 0 ? image : image.slice(0, at);
    const reference = parseManifestReference(at < 0 ? 'latest' : image.slice(at + 1));
    const asked = queryOf(request);
    const form = EXPORT_FORMS.find((each) => each === (asked.get('format') ?? 'oci-archive'));
    const platformText = asked.get('platform');
    const platform = platformText === null ? undefined : parsePlatform(platformText);
    const wrong =
      whyNoRepositoryName(repository) ??
      (reference === undefined ? 'A tag, or "@" and a digest, must follow the name.' : undefined) ??
      (form === undefined ? `format is one of ${EXPORT_FORMS.join(', ')}.` : undefined) ??
      (platform === null ? 'platform is as linux/arm64 or linux/arm/v7.' : undefined);
    if (wrong !== undefined || reference === undefined || form === undefined) {
      sendProblem(response, { status: 400, detail: wrong ?? '' });
      return;
    }
    const text = 'tag' in reference ? reference.tag : formatDigest(reference.digest);
    const admitted = await admit(request, response, { action: 'pull', repository, reference: text });
    if (admitted === undefined) return;
    const name =
      'tag' in reference ? `${request.headers.host ?? 'localhost'}/${repository}:${text}` : undefined;
    try {
      const plan = await planExport(admitted.store, {
        ...{ repository, reference, form, name },
        platform: platform ?? undefined,
      });
      const file = `${repository}-${text}`.replace(/[^\w.-]+/g, '-');
      response.setHeader('Content-Disposition', `attachment; filename="${file}.tar"`);
      response.setHeader('Docker-Content-Digest', formatDigest(plan.digest));
      const source = await openExport(admitted.store, repository, plan);
      sendSource(request, response, source, {
        name: image,
        // The parts follow from these, and the name that is written into them.
        entityTag: `"${form}:${formatDigest(plan.digest)}:${name ?? ''}"`,
        contentType: 'application/x-tar',
        onFailure(error) {
          if (error instanceof RefusedRead) {
            sendProblem(response, { status: error.status, detail: `${error.message}.` });
            return;
          }
          log.warn({ image, reason: errorMessage(error) }, 'an export could not be sent to its end');
          sendProblem(response, { status: 503, detail: 'The image could not be read; the log says why.' });
        },
      });
    } catch (error) {
      if (!(error instanceof ExportError)) throw error;
      sendProblem(response, { status: EXPORT_STATUS[error.code], code: error.code, detail: error.message });
    }
  }

  return createResource([
    read({
      method: 'GET',
      path: `${API}/repositories`,
      summary: 'The repositories of the registry that may be pulled from',
      parameters: [query('n', 'At most so many.'), query('last', 'Only those behind this name.')],
      responses: {
        200: jsonResponse('Their names, in order.', { name: 'Repositories', zod: repositoriesSchema }),
        ...problems(404),
      },
      async handle(request, response) {
        const admitted = await admit(request, response, { action: 'catalog', repository: undefined });
        if (admitted === undefined) return;
        const asked = queryOf(request);
        const wished = Number(asked.get('n') ?? PAGE_SIZE);
        const limit = Number.isInteger(wished) && wished > 0 ? Math.min(wished, PAGE_SIZE) : PAGE_SIZE;
        const { names, isMore } = await admitted.store.listRepositories({
          ...{ limit, last: asked.get('last') ?? undefined },
          isVisible: admitted.allowed.sees,
        });
        response.json({ repositories: names.map((name) => ({ name, kind: kindOf(name) })), isMore });
      },
    }),
    read({
      method: 'GET',
      path: `${API}/repositories/{name}`,
      summary: 'The tags of a repository, and what they lead to',
      parameters: [NAME],
      responses: {
        200: jsonResponse('The repository.', { name: 'Repository', zod: repositorySchema }),
        ...problems(400, 404),
      },
      async handle(request, response) {
        const name = restOf(request, `${API}/repositories/`) ?? '';
        const wrong = whyNoRepositoryName(name);
        if (wrong !== undefined) {
          sendProblem(response, { status: 400, detail: wrong });
          return;
        }
        const admitted = await admit(request, response, { action: 'catalog', repository: undefined });
        if (admitted === undefined) return;
        const { store, allowed } = admitted;
        const tags = allowed.sees(name)
          ? await describeRepository(store, name, (tag) => allowed.may('pull', name, tag))
          : undefined;
        if (tags === undefined)
          sendProblem(response, { status: 404, detail: `There is no repository ${name}.` });
        else response.json({ name, kind: kindOf(name), tags });
      },
    }),
    read({
      method: 'GET',
      path: `${API}/export/{name}`,
      summary: 'An image of the registry as one archive',
      parameters: [
        { ...NAME, description: 'Of a repository, with its tag or "@" and a digest; may hold slashes.' },
        query(
          'format',
          'oci-archive, where it is absent, or docker-archive: one image that every engine loads.',
        ),
        query('platform', 'Of an index: the image for this platform alone, such as linux/arm64.'),
      ],
      responses: {
        200: {
          description: 'The archive.',
          content: { mediaType: 'application/x-tar', schema: BINARY },
        },
        ...problems(400, 404, 409, 412, 416, 503),
      },
      handle: (request, response) => sendExport(request, response, restOf(request, `${API}/export/`) ?? ''),
    }),
  ]);
}
