// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Problem } from '@local-datastore/shared/http/problem';
import { refuse } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import { Server } from '@tus/server';
import type { ChangeOrigin } from '../../changes/change.ts';
import { imageReference } from '../../images/image-path.ts';
import type { Uploads } from '../../uploads/uploads.ts';
import { originOfWriter } from '../change-origin.ts';
import { parseExpectedDigests } from '../expected-digests.ts';
import { storeProblem } from '../store-problem.ts';
import { TusStore } from './tus-store.ts';
import { createUploadLocker } from './upload-locker.ts';

/** Answers one request of the tus protocol. */
export type TusHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  urlPath: string,
) => Promise<void>;

export const TUS_VERSION = '1.0.0';
const UPLOAD_ID = /^[0-9a-f]{32}$/;
/** A request that another one takes the place of may write for so long what it has received. */
const LOCK_DRAIN_MS = 500;
const UNEXPECTED: Problem = { status: 500, detail: 'The upload failed; the log says why.' };

/** Tus's own meanings of a status are not to be confused with ours. */
function tusProblem(problem: Problem): Problem {
  // Clients take 409 for a wrong offset, and try again.
  return problem.status === 409 ? { ...problem, status: 412 } : problem;
}

/** Bodies of ours among those of @tus/server, which are plain text. */
function parseProblem(status: number, body: string): Problem {
  if (body.startsWith('{')) return JSON.parse(body) as Problem;
  return { status, detail: body.trim() || 'The request was refused.' };
}

/** A fetch Request with the parts of Node's that @tus/server looks for (srvx's `runtime`). */
function toFetchRequest(request: IncomingMessage, response: ServerResponse, method: string, urlPath: string) {
  const headers = new Headers();
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const hasBody = method === 'PATCH' || method === 'POST';
  const body = hasBody ? (Readable.toWeb(request) as ReadableStream<Uint8Array>) : null;
  const init = { method, headers, body, duplex: 'half' };
  const fetchRequest = new Request(new URL(urlPath, 'http://datastore.invalid'), init as RequestInit);
  return Object.assign(fetchRequest, { runtime: { name: 'node', node: { req: request, res: response } } });
}

/** @param options.path where uploads are created */
export function createTusHandler(
  { log, uploads }: { readonly log: Log; readonly uploads: Uploads },
  { path }: { readonly path: string },
): TusHandler {
  /** Whose request is answered: @tus/server tells a store nothing of it. */
  const origins = new AsyncLocalStorage<ChangeOrigin>();
  const origin = () => {
    const found = origins.getStore();
    if (found === undefined) throw new Error('no request is being answered');
    return found;
  };
  const server = new Server({
    path,
    datastore: new TusStore(uploads, origin),
    locker: createUploadLocker(),
    lockDrainTimeout: LOCK_DRAIN_MS,
    relativeLocation: true,
    // The page is of the same origin; other pages have no business here.
    allowedOrigins: () => false,
    namingFunction: () => randomBytes(16).toString('hex'),
    getFileIdFromRequest: (_request, id) => (id !== undefined && UPLOAD_ID.test(id) ? id : undefined),
    async onUploadFinish(_request, { id }) {
      const { path: imagePath, sha256 } = await uploads.finish(id, origin());
      return {
        headers: { 'Content-Location': `/${imageReference(imagePath)}`, 'X-Checksum-Sha256': sha256 },
      };
    },
    onResponseError(_request, error) {
      if (!(error instanceof Error) || 'status_code' in error) return undefined;
      const problem = storeProblem(error);
      if (problem === undefined) log.error({ reason: errorMessage(error) }, 'an upload failed');
      const body = JSON.stringify(tusProblem(problem ?? UNEXPECTED));
      return { status_code: tusProblem(problem ?? UNEXPECTED).status, body };
    },
  });

  async function send(request: IncomingMessage, response: ServerResponse, answer: Response): Promise<void> {
    // @tus/server speaks to pages of other origins in every answer, though none is allowed.
    const headers = Object.fromEntries([...answer.headers].filter(([name]) => !name.startsWith('access-')));
    // Bodies are ours or none.
    delete headers['content-length'];
    delete headers['content-type'];
    if (answer.status >= 400) {
      refuse(request, response, parseProblem(answer.status, await answer.text()), headers);
      return;
    }
    if (answer.status !== 204) headers['content-length'] = '0';
    response.writeHead(answer.status, headers).end();
  }

  return async (request, response, urlPath) => {
    const override = request.headers['x-http-method-override'];
    const method = request.method === 'POST' && typeof override === 'string' ? override : request.method;
    if (method !== 'OPTIONS' && request.headers['tus-resumable'] !== TUS_VERSION) {
      const detail = `Tus-Resumable must be ${TUS_VERSION}.`;
      const headers = { 'Tus-Version': TUS_VERSION, 'Tus-Resumable': TUS_VERSION };
      refuse(request, response, { status: 412, detail }, headers);
      return;
    }
    const promised = parseExpectedDigests(request.headers);
    if (promised.kind === 'invalid' || promised.digests.length > 0) {
      const detail =
        'Digests of single requests are not checked here: give the sha256 of the whole in Upload-Metadata.';
      refuse(request, response, { status: 400, code: 'UPLOAD_INVALID', detail });
      return;
    }
    const { socket } = request;
    // Until all is received the connection must not idle; then checking and publishing may take its time.
    if (
      request.headers['content-length'] === undefined &&
      request.headers['transfer-encoding'] === undefined
    ) {
      socket.setTimeout(0);
    } else {
      request.once('end', () => socket.setTimeout(0));
    }
    const answer = await origins.run(originOfWriter(request), () =>
      server.handleWeb(toFetchRequest(request, response, method ?? '', urlPath)),
    );
    await send(request, response, answer);
  };
}
