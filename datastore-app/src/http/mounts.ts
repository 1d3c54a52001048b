// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type Refuse, refuse } from '@local-datastore/shared/http/refuse';
import { isRegistryPath } from '@local-datastore/shared/oci/registry-path';
import type { Wish } from '../access/policy.ts';
import { TOKEN_PATH } from '../access/token-realm.ts';
import { isOwnPath, parseImagePath, pathOfTarget } from '../images/image-path.ts';
import type { RegistryHandler } from '../registry/registry-handler.ts';
import { refuseProblem } from '../registry/registry-refusal.ts';
import { type ArtifactHandler, isArtifactPath } from './artifact-files.ts';
import type { Authorize } from './authorize.ts';
import type { FilesHandler } from './files.ts';
import { isOperationsPath } from './permit-operation.ts';
import type { PublishHandler } from './publish.ts';
import { isRepositoriesPath } from './registry-gate.ts';
import type { RequireOrigin } from './require-origin.ts';

/** A part of the URL space. */
export interface Mount {
  /** Whether a URL path is in it; the first mount that has it answers. */
  has(urlPath: string): boolean;
  /** Whether it is the datastore's own, and can be asked for by the datastore's own names alone (DNS rebinding). */
  readonly isOwn: boolean;
  /** What a request has to be permitted; undefined: the handler decides, by what is permitted there. */
  wishOf(method: string, urlPath: string): Wish | undefined;
  /** Says no in the form of this part. */
  readonly refuse: Refuse;
  /** Answers who may. */
  handle(request: IncomingMessage, response: ServerResponse, urlPath: string): void;
}

const READ_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const PUBLISH_METHODS = new Set(['PUT', 'POST', 'DELETE']);
/** No resource has others, such as TRACE or WebDAV's: nobody needs a credential to be told so. */
const METHODS = new Set([...READ_METHODS, ...PUBLISH_METHODS, 'PATCH']);
/** What anybody may read, also where reading needs a credential. */
const PUBLIC_PATHS = new Set([
  '/',
  '/-',
  '/-/',
  '/-/manual',
  '/-/livez',
  '/-/readyz',
  '/-/ca.pem',
  '/-/openapi.json',
]);
const PUBLIC_FOLDERS = ['/-/assets/', '/-/manual/'];

const isPublic = (urlPath: string) =>
  PUBLIC_PATHS.has(urlPath) || PUBLIC_FOLDERS.some((folder) => urlPath.startsWith(folder));

/** Everything of the datastore's own. */
export function mountApi(api: RequestListener): Mount {
  return {
    has: isOwnPath,
    isOwn: true,
    // What a router takes for the same path in another spelling is not public, and the routers of uploads ask again.
    wishOf: (method, urlPath) => ({
      action: READ_METHODS.has(method) ? 'read' : 'write',
      resource: { kind: isPublic(urlPath) ? 'public' : 'own' },
    }),
    refuse,
    handle: api,
  };
}

/** Where tokens are issued: to whom and for what is decided there, by whatever credential comes along. */
export function mountTokens(api: RequestListener): Mount {
  return {
    has: (urlPath) => urlPath === TOKEN_PATH,
    isOwn: true,
    wishOf: () => undefined,
    refuse,
    handle: api,
  };
}

/** Repositories as the API shows them: who may see and change which is decided there, as below `/v2/`. */
export function mountRepositories(api: RequestListener): Mount {
  return {
    has: isRepositoriesPath,
    isOwn: true,
    wishOf: () => undefined,
    refuse,
    handle: api,
  };
}

/** Operations on images: whether they are files or repositories is said within the request, and decides who may. */
export function mountOperations(api: RequestListener): Mount {
  return {
    has: isOperationsPath,
    isOwn: true,
    wishOf: () => undefined,
    refuse,
    handle: api,
  };
}

/** The registry of container images. Its clients ask by whatever name leads here, as those of images do. */
export function mountRegistry(registry: RegistryHandler): Mount {
  return {
    has: isRegistryPath,
    isOwn: false,
    wishOf: () => undefined,
    refuse: refuseProblem,
    handle: registry,
  };
}

/** Disks of the registry, at their paths among the images: who may read them goes by grants. */
export function mountArtifacts(artifacts: ArtifactHandler): Mount {
  return {
    has: isArtifactPath,
    isOwn: false,
    wishOf: () => undefined,
    refuse,
    handle: artifacts,
  };
}

/** The images, at every path that is nothing else's. */
export function mountImages(files: FilesHandler, publish: PublishHandler): Mount {
  return {
    has: () => true,
    isOwn: false,
    wishOf: (method, urlPath) => ({
      // Who may read may hear that images have no other methods.
      action: PUBLISH_METHODS.has(method) ? 'write' : 'read',
      resource: { kind: 'image', path: parseImagePath(urlPath) },
    }),
    refuse,
    handle(request, response, urlPath) {
      if (PUBLISH_METHODS.has(request.method ?? '')) void publish(request, response, urlPath);
      else files(request, response, urlPath);
    },
  };
}

export interface MountDeps {
  readonly authorize: Authorize;
  readonly requireOrigin: RequireOrigin;
}

/** Sends each request to the part of the URL space that it is for, once it may do what it asks for. */
export function createRequestListener(
  { authorize, requireOrigin }: MountDeps,
  mounts: readonly Mount[],
): RequestListener {
  return (request, response) => {
    const path = pathOfTarget(request.url ?? '');
    const method = request.method ?? '';
    const mount = mounts.find((each) => each.has(path));
    if (mount === undefined) throw new Error(`nothing is mounted at ${path}`);
    const isReading = READ_METHODS.has(method);
    const asked = { isOwnPath: mount.isOwn, isReading };
    if (!requireOrigin(request, response, asked, mount.refuse)) return;
    if (!isReading && !METHODS.has(method)) {
      const problem = { status: 405, detail: `${method} is a method of no resource here.` };
      mount.refuse(request, response, problem, { Allow: [...METHODS].join(', ') });
      return;
    }
    const wish = mount.wishOf(method, path);
    const isPermitted = wish === undefined || authorize(request, response, wish, mount.refuse);
    if (isPermitted) mount.handle(request, response, path);
  };
}
