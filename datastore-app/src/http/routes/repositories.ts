// SPDX-License-Identifier: Apache-2.0
import { jsonResponse, type Parameter } from '@local-datastore/shared/http/operation';
import { type Problem, sendProblem } from '@local-datastore/shared/http/problem';
import { parseOciDigest } from '@local-datastore/shared/oci/digest';
import { isRepositoryName, whyNoRepositoryName } from '@local-datastore/shared/oci/reference';
import type { Request, Response } from 'express';
import * as z from 'zod';
import type { RegistryAllowed } from '../../access/registry-access.ts';
import type { RegistryReader } from '../../archives/archive-registry.ts';
import { pageOf } from '../../blobs/registry-lists.ts';
import {
  countUntagged,
  describeTag,
  externalTags,
  type RepositorySight,
  summarizeRepository,
  type TagDescription,
  visibleTags,
} from '../../container-images/describe-repository.ts';
import type { PlatformsOf } from '../../container-images/image-platforms.ts';
import type { FindRepository, KnownRepository } from '../../container-images/known-repositories.ts';
import { parsePageRequest } from '../../registry/paging.ts';
import { granted, problems, query } from '../openapi/describe.ts';
import { bytes, time } from '../openapi/scalars.ts';
import { REGISTRY_API, type RegistryGate } from '../registry-gate.ts';
import { createResource, type Resource } from '../resource.ts';

const PATH = `${REGISTRY_API}/repositories`;
/** So many entries are in one answer where nothing else is said. */
const PAGE = 1000;

export const REGISTRY_OFF: Problem = { status: 404, detail: 'The registry is off (--registry).' };
const NO_NUMBER: Problem = { status: 400, detail: '"n" must be a number of entries, 0 or more.' };

const digest = z.string().describe('Such as `sha256:…`.');

const SUMMARY = {
  name: z.string(),
  kind: z.enum(['pushed', 'archive', 'upstream']),
  archive: z.string().optional().describe('Of an archive: its path below the root.'),
  upstream: z.string().optional().describe('Of an upstream: scheme, host and port.'),
  tagCount: z.number().int().describe('Of the tags that the caller may pull.'),
  sizeBytes: bytes.describe('Of manifests and blobs, each once.'),
  updated: time.describe('When something was last pushed or tagged.'),
};

export const knownRepositoriesSchema = () =>
  z.object({ repositories: z.array(z.object(SUMMARY)), isMore: z.boolean() });

export const knownRepositorySchema = () =>
  z.object({
    ...SUMMARY,
    tags: z.array(
      z.object({
        tag: z.string(),
        digest,
        mediaType: z.string(),
        kind: z.enum(['image', 'index', 'artifact']),
        sizeBytes: bytes.describe('Of everything that it leads to, each once.'),
        platforms: z.array(z.string()).describe('Such as `linux/arm64`; attestations left out.'),
        artifactType: z.string().nullable().describe('Of what is no image.'),
        pushed: time,
        by: z.string().nullable().describe('Who pushed, such as `user:alice`.'),
        isReleased: z.boolean().describe('It is never moved.'),
        versions: z
          .array(z.object({ number: z.number().int(), digest, at: time }))
          .describe('What the tag led to, the latest last; the last 100.'),
        isComplete: z.boolean().describe('false: parts of it come from an upstream when they are asked for.'),
      }),
    ),
    isMore: z.boolean().describe('Whether there are tags behind the last.'),
    external: z
      .array(z.object({ tag: z.string(), source: z.string(), at: time, by: z.string().nullable() }))
      .describe('Tags of which nothing is here yet: they are fetched when they are first asked for.'),
    manifests: z.number().int().describe('How many no tag leads to.'),
  });

export const REPOSITORY_NAME: Parameter = {
  in: 'path',
  name: 'repository',
  description: 'Of a repository, such as `lab/app`; its slashes may be written as `%2F`.',
  mayHoldSlashes: true,
};
const PAGING = [
  query('n', `At most so many entries; ${PAGE} unless said.`),
  query('last', 'Only what comes behind this one.'),
];

export interface RepositoryRoutesDeps {
  readonly gate: RegistryGate;
  readonly find: FindRepository;
  readonly platformsOf: PlatformsOf;
  /** What is here; nothing is imported to be listed. */
  readonly stored: Pick<RegistryReader, 'listRepositories' | 'statBlob'>;
}

/** A parameter of the path that may hold slashes. */
export function longParameter(request: Request, name: string): string {
  const value: unknown = request.params[name];
  return Array.isArray(value) ? value.join('/') : String(value);
}

export const queryOf = ({ url }: Request): URLSearchParams =>
  new URL(url, 'http://datastore.invalid').searchParams;

/** The repository that is asked for; answers where the name cannot be one. */
export function requireRepository(request: Request, response: Response): string | undefined {
  const name = longParameter(request, 'repository');
  if (isRepositoryName(name)) return name;
  sendProblem(response, { status: 400, code: 'NAME_INVALID', detail: whyNoRepositoryName(name) ?? '' });
  return undefined;
}

export const noSuchRepository = (name: string): Problem => ({
  status: 404,
  detail: `There is no repository "${name}".`,
});

const sightOf = ({ may }: RegistryAllowed, name: string): RepositorySight => ({
  isWhole: may('pull', name),
  hasTag: (tag) => may('pull', name, tag),
});

/**
 * `/-/api/v1/registry/repositories`: what the registry has, as far as the caller may pull it.
 *
 * @param known undefined: the registry is off
 */
export function createRepositoryRoutes(known: RepositoryRoutesDeps | undefined): Resource {
  async function describeTags(
    { stored, platformsOf }: RepositoryRoutesDeps,
    { record }: KnownRepository,
    tags: readonly string[],
  ): Promise<TagDescription[]> {
    const here = new Map<string, boolean>();
    const look = async (text: string) => {
      const parsed = parseOciDigest(text);
      const found = parsed && (await stored.statBlob(record.name, parsed, { isForPush: false }));
      here.set(text, found !== undefined);
    };
    for (const { blobs } of record.manifests.values()) {
      for (const blob of blobs) if (!here.has(blob.digest)) await look(blob.digest);
    }
    const described: TagDescription[] = [];
    for (const tag of tags) {
      const parsed = parseOciDigest(record.tags.get(tag)?.digest ?? '');
      const platforms = parsed === undefined ? [] : await platformsOf(record.name, parsed);
      described.push(
        ...[describeTag(record, tag, platforms, (each) => here.get(each) === true) ?? []].flat(),
      );
    }
    return described;
  }

  return createResource([
    granted({
      method: 'GET',
      path: PATH,
      summary: 'The repositories of the registry that the caller may pull from',
      parameters: PAGING,
      responses: {
        200: jsonResponse('By name.', { name: 'KnownRepositories', zod: knownRepositoriesSchema }),
        ...problems(400, 404),
      },
      async handle(request, response) {
        const wish = parsePageRequest(queryOf(request));
        if (known === undefined || wish === undefined) {
          sendProblem(response, known === undefined ? REGISTRY_OFF : NO_NUMBER);
          return;
        }
        const allowed = await known.gate(request, response, { action: 'catalog', repository: undefined });
        if (allowed === undefined) return;
        const limit = queryOf(request).has('n') ? wish.limit : PAGE;
        const page = await known.stored.listRepositories({ ...wish, limit, isVisible: allowed.sees });
        const repositories = page.names.flatMap((name) => {
          const found = known.find(name);
          return found === undefined ? [] : [summarizeRepository(found, sightOf(allowed, name))];
        });
        response.json({ repositories, isMore: page.isMore });
      },
    }),
    granted({
      method: 'GET',
      path: `${PATH}/{repository}`,
      summary: 'One repository with its tags',
      parameters: [REPOSITORY_NAME, ...PAGING],
      responses: {
        200: jsonResponse('What the caller may pull of it.', {
          name: 'KnownRepository',
          zod: knownRepositorySchema,
        }),
        ...problems(400, 404, 503),
      },
      async handle(request, response) {
        const wish = parsePageRequest(queryOf(request));
        if (known === undefined || wish === undefined) {
          sendProblem(response, known === undefined ? REGISTRY_OFF : NO_NUMBER);
          return;
        }
        const name = requireRepository(request, response);
        if (name === undefined) return;
        const allowed = await known.gate(request, response, { action: 'pull', repository: name });
        if (allowed === undefined) return;
        const found = known.find(name);
        if (found === undefined) {
          sendProblem(response, noSuchRepository(name));
          return;
        }
        const sight = sightOf(allowed, name);
        const limit = queryOf(request).has('n') ? wish.limit : PAGE;
        const page = pageOf(visibleTags(found.record, sight), { ...wish, limit });
        response.json({
          ...summarizeRepository(found, sight),
          tags: await describeTags(known, found, page.names),
          isMore: page.isMore,
          external: externalTags(found.record, sight),
          manifests: sight.isWhole ? countUntagged(found.record) : 0,
        });
      },
    }),
  ]);
}
