// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { formatManifestReference, isRepositoryName } from '@local-datastore/shared/oci/reference';
import { parseRegistryPath, type RegistryResourcePath } from '@local-datastore/shared/oci/registry-path';
import type { RegistryAccess, RegistryDenied, RegistryWish } from '../access/registry-access.ts';
import type { DownloadLog } from '../activity/downloads.ts';
import type { RegistryStore } from '../blobs/registry-store.ts';
import type { NoteChange } from '../changes/change.ts';
import type { SendSource } from '../http/send-source.ts';
import { baseResource } from './base.ts';
import { createBlobs } from './blobs.ts';
import { createCatalog } from './catalog.ts';
import { createManifests } from './manifests.ts';
import { createReferrers } from './referrers.ts';
import type { RegistryMethod, RegistryOperation, RegistryResource } from './registry-call.ts';
import { answerToFailure } from './registry-failure.ts';
import { API_VERSION_HEADER, type RegistryRefusal, refuseRegistry } from './registry-refusal.ts';
import { createTags } from './tags.ts';
import { createUploads } from './uploads.ts';

export interface RegistryHandlerDeps {
  readonly log: Log;
  readonly note: NoteChange;
  readonly store: RegistryStore;
  readonly access: RegistryAccess;
  readonly sendSource: SendSource;
  readonly downloads: Pick<DownloadLog, 'begin'>;
  /** Below which name the repositories of another registry are shown, as containerd calls it in `?ns=`. */
  prefixOf(namespace: string): string | undefined;
  /** Is told of every request when its answer has ended. @param operation such as `GET manifest` */
  onAnswered(operation: string, status: number): void;
}

/** Answers a request below `/v2/`. @param urlPath without the query */
export type RegistryHandler = (request: IncomingMessage, response: ServerResponse, urlPath: string) => void;

const refusal = (
  status: number,
  code: RegistryRefusal['errors'][number]['code'],
  message: string,
): RegistryRefusal => ({
  status,
  errors: [{ code, message }],
});
const NOTHING_THERE = refusal(
  404,
  'UNSUPPORTED',
  'The registry has nothing at this path; images have other names than "v2".',
);
const FAILED = refusal(500, 'UNKNOWN', 'The request could not be answered; the log says why.');

function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : url.slice(at));
}

/** Of any kind of path: the path is of the kind that was looked up. */
type MethodTable = Readonly<Partial<Record<RegistryMethod, RegistryOperation<never>>>>;

/** HEAD is GET without the body, where it is nothing of its own. */
function operationOf(resource: MethodTable, method: string): RegistryOperation | undefined {
  const known = Object.hasOwn(resource, method) ? method : method === 'HEAD' ? 'GET' : undefined;
  return known === undefined
    ? undefined
    : (resource[known as RegistryMethod] as RegistryOperation | undefined);
}

/** What a request wants, to be decided about. */
function wishOf(path: RegistryResourcePath, action: RegistryWish['action']): RegistryWish {
  const repository = 'repository' in path ? path.repository : undefined;
  if (path.kind === 'blob' || path.kind === 'referrers') {
    return { action, repository, reference: formatDigest(path.digest) };
  }
  if (path.kind !== 'manifest') return { action, repository };
  const { reference } = path;
  return {
    action,
    repository,
    reference: formatManifestReference(reference),
  };
}

type RegistryResources = { readonly [Kind in RegistryResourcePath['kind']]: RegistryResource<Kind> };

/** One resource for every kind of path, each with its methods. */
export const createRegistryResources = (deps: RegistryHandlerDeps): RegistryResources => ({
  base: baseResource,
  catalog: createCatalog(deps),
  blob: createBlobs(deps),
  manifest: createManifests(deps),
  ...createUploads(deps),
  tags: createTags(deps),
  referrers: createReferrers(deps),
});

/** The registry: finds the resource of a request, and whether it may be done. */
export function createRegistryHandler(deps: RegistryHandlerDeps): RegistryHandler {
  const { log, access, onAnswered } = deps;
  const resources = createRegistryResources(deps);

  function deny(request: IncomingMessage, response: ServerResponse, denied: RegistryDenied): void {
    const { status, code, detail, challenge, retryAfterSeconds } = denied;
    refuseRegistry(request, response, refusal(status, code, detail), {
      ...(challenge !== undefined && { 'WWW-Authenticate': challenge }),
      ...(retryAfterSeconds !== undefined && { 'Retry-After': String(retryAfterSeconds) }),
    });
  }

  function fail(request: IncomingMessage, response: ServerResponse, urlPath: string, error: unknown): void {
    if (request.socket.destroyed || (request.destroyed && !request.complete)) {
      log.info(
        { path: urlPath, reason: errorMessage(error) },
        'the client went away before its request was answered',
      );
      response.destroy();
      return;
    }
    const answer = answerToFailure(error);
    if (answer === undefined || response.headersSent) {
      log.error({ path: urlPath, reason: errorMessage(error) }, 'a request to the registry failed');
    }
    refuseRegistry(request, response, answer?.refusal ?? FAILED, answer?.headers);
  }

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    path: RegistryResourcePath,
    operation: RegistryOperation,
  ): Promise<void> {
    const decision = await access.decide(request, wishOf(path, operation.action));
    if (decision.kind === 'denied') {
      deny(request, response, decision);
      return;
    }
    await operation.handle({ request, response, path, query: queryOf(request), allowed: decision });
  }

  /** A path as containerd asks a mirror: the repository of the registry that `ns` names. */
  function withNamespace(request: IncomingMessage, path: ReturnType<typeof parseRegistryPath>): typeof path {
    const namespace = queryOf(request).get('ns');
    const prefix = namespace === null ? undefined : deps.prefixOf(namespace);
    if (prefix === undefined || !('repository' in path)) return path;
    const repository = `${prefix}/${path.repository}`;
    return isRepositoryName(repository) ? { ...path, repository } : path;
  }

  return (request, response, urlPath) => {
    const method = request.method ?? '';
    const asked = parseRegistryPath(urlPath);
    const path = method === 'GET' || method === 'HEAD' ? withNamespace(request, asked) : asked;
    response.once('close', () => onAnswered(`${method} ${path.kind}`, response.statusCode));
    response.setHeader(
      'Docker-Distribution-API-Version',
      API_VERSION_HEADER['Docker-Distribution-API-Version'],
    );
    if (path.kind === 'unknown') {
      refuseRegistry(request, response, NOTHING_THERE);
      return;
    }
    if (path.kind === 'invalid') {
      refuseRegistry(request, response, refusal(400, path.code, path.reason));
      return;
    }
    const resource: MethodTable = resources[path.kind];
    const operation = operationOf(resource, method);
    if (operation === undefined) {
      const allow = Object.keys(resource).join(', ');
      refuseRegistry(request, response, refusal(405, 'UNSUPPORTED', `${method} is no method here.`), {
        Allow: allow,
      });
      return;
    }
    answer(request, response, path, operation).catch((error) => fail(request, response, urlPath, error));
  };
}
