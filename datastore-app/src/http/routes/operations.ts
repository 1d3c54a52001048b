// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage } from '@local-datastore/shared/errors';
import { BINARY, jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { refuse } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import { parseOciDigest } from '@local-datastore/shared/oci/digest';
import { parsePlatform } from '@local-datastore/shared/oci/platform';
import type { Request, Response } from 'express';
import type * as z from 'zod';
import type { DownloadLog } from '../../activity/downloads.ts';
import { EXPORT_FORMS } from '../../archives/export-image.ts';
import type { NewChange, NoteChange } from '../../changes/change.ts';
import type { FormatOf } from '../../operations/format-of.ts';
import { formatImageName, type ImageName, parseImageName } from '../../operations/image-name.ts';
import type { ImageOperations } from '../../operations/image-operations.ts';
import type { ImageOps } from '../../operations/image-ops.ts';
import type { OperationResult } from '../../operations/operation-result.ts';
import { readBounded } from '../bounded-body.ts';
import { originOf } from '../change-origin.ts';
import { granted, problems, query } from '../openapi/describe.ts';
import {
  hashUpdateSchema,
  imageChangeSchema,
  imageFactsSchema,
  imageValidationSchema,
  imageVersionSchema,
  imageWishSchema,
  releaseWishSchema,
  removalWishSchema,
  renameWishSchema,
  versionWishSchema,
} from '../openapi/operation-schemas.ts';
import { operationProblem } from '../operation-problem.ts';
import { type Needs, OPERATIONS_API, type PermitOperation, type Permitted } from '../permit-operation.ts';
import { createResource, type Resource, type Route } from '../resource.ts';
import { RefusedRead, type SendSource } from '../send-source.ts';
import { createOperationImportRoute } from './operation-import.ts';
import { queryOf } from './repositories.ts';

const MAX_BODY_BYTES = 16 * 1024;

export interface OperationRoutesDeps {
  readonly log: Log;
  readonly note: NoteChange;
  readonly ops: ImageOps;
  readonly formatOf: FormatOf;
  readonly permit: PermitOperation;
  readonly sendSource: SendSource;
  readonly downloads: Pick<DownloadLog, 'begin'>;
}

/** What a request asks for, once it may. */
interface Call<Body> {
  readonly own: ImageOperations;
  readonly name: ImageName;
  readonly body: Body;
  readonly permitted: Permitted;
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal;
}

interface OperationRoute<Body extends { readonly image: string }> {
  readonly operation: string;
  readonly summary: string;
  /** Of a change: what is told once it is done. */
  tell?(body: Body): Pick<NewChange, 'action' | 'to' | 'digest'> & { readonly message: string };
  readonly wish: { readonly name: string; readonly zod: () => z.ZodType<Body> };
  readonly answer: { readonly name: string; readonly zod: () => z.ZodType };
  act(call: Call<Body>): Promise<OperationResult<object>>;
  /** What has to be permitted, of a repository and of the root. */
  readonly needs: Needs | ((body: Body) => Needs);
}

/** `/-/api/v1/operations/…`: one operation on one image, whatever its format and wherever it is. */
export function createOperationRoutes(deps: OperationRoutesDeps): Resource {
  const { log, note, ops, formatOf, permit } = deps;

  async function readBody<Body>(
    request: Request,
    response: Response,
    schema: z.ZodType<Body>,
  ): Promise<Body | undefined> {
    const bytes = await readBounded(request, response, MAX_BODY_BYTES);
    if (bytes === undefined) {
      sendProblem(response, { status: 413, detail: `At most ${MAX_BODY_BYTES} bytes are taken.` });
      return undefined;
    }
    let document: unknown;
    try {
      document = JSON.parse(bytes.toString());
    } catch {
      document = undefined;
    }
    const parsed = schema.safeParse(document);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.');
    const detail = `A JSON document is expected${where ? `; "${where}"` : ''}: ${issue?.message}.`;
    sendProblem(response, { status: 400, detail });
    return undefined;
  }

  function readName(response: ServerResponse, image: string) {
    const parsed = parseImageName(image);
    if (parsed.kind === 'name') return parsed;
    sendProblem(response, { status: 400, code: 'NAME_INVALID', detail: parsed.reason });
    return undefined;
  }

  function route<
    Body extends { readonly image: string; readonly to?: string; readonly dryRun?: boolean | undefined },
  >(described: OperationRoute<Body>): Route {
    const { operation, summary, wish, answer, tell } = described;
    return granted({
      method: 'POST',
      path: `${OPERATIONS_API}/${operation}`,
      summary,
      request: { mediaType: 'application/json', schema: wish },
      responses: {
        200: jsonResponse('What it came to.', answer),
        ...problems(400, 404, 409, 413, 502, 503, 507),
      },
      async handle(request, response) {
        const body = await readBody(request, response, wish.zod());
        const parsed = body && readName(response, body.image);
        if (body === undefined || parsed === undefined) return;
        const { name, notice = null } = parsed;
        const needs = typeof described.needs === 'function' ? described.needs(body) : described.needs;
        const asked = { name, to: body.to, needs };
        const permitted = await permit(request, response, operation, asked);
        if (permitted === undefined) return;
        // To read an image again lasts as long as reading does.
        request.socket.setTimeout(0);
        const ending = new AbortController();
        response.once('close', () => ending.abort());
        const own = ops(await formatOf(name));
        const result = await described.act({ own, name, body, permitted, signal: ending.signal });
        if (!result.ok) {
          sendProblem(response, operationProblem(result));
          return;
        }
        const image = formatImageName(name);
        const { ok: _ok, ...found }: { ok: true; image?: string } = result;
        response.json({ image, notice, ...found });
        if (tell === undefined || body.dryRun === true) return;
        const { message, ...told } = tell(body);
        note({ image: found.image ?? image, ...told, ...originOf(permitted), via: 'operation' }, message);
        await permitted.noteDone();
      },
    });
  }

  async function send(
    request: Request,
    response: Response,
    operation: string,
    act: (
      own: ImageOperations,
      name: ImageName,
      asked: URLSearchParams,
    ) => ReturnType<ImageOperations['export']> | string,
  ): Promise<void> {
    const asked = queryOf(request);
    const parsed = readName(response, asked.get('image') ?? '');
    if (parsed === undefined) return;
    const { name } = parsed;
    if ((await permit(request, response, operation, { name, needs: 'pull' })) === undefined) return;
    const found = act(ops(await formatOf(name)), name, asked);
    if (typeof found === 'string') {
      sendProblem(response, { status: 400, detail: found });
      return;
    }
    const result = await found;
    if (!result.ok) {
      sendProblem(response, operationProblem(result));
      return;
    }
    const { source, fileName, contentType, entityTag } = result;
    if (response.destroyed) {
      source.close();
      return;
    }
    const shown = fileName.replace(/[^\w.-]+/g, '-');
    response.setHeader(
      'Content-Disposition',
      `attachment; filename="${shown}"; filename*=UTF-8''${encodeURIComponent(fileName)}`,
    );
    const image = formatImageName(name);
    deps.downloads.begin(request, response, image);
    deps.sendSource(request, response, source, {
      ...{ name: image, entityTag, contentType },
      onFailure: (error) => refuseSending(request, response, image, error),
    });
  }

  function refuseSending(
    request: IncomingMessage,
    response: ServerResponse,
    image: string,
    error: unknown,
  ): void {
    if (error instanceof RefusedRead) {
      refuse(request, response, { status: error.status, detail: `${error.message}.` });
      return;
    }
    log[response.destroyed ? 'debug' : 'error'](
      { image, reason: errorMessage(error) },
      'an image could not be sent',
    );
    refuse(request, response, { status: 503, detail: 'The image could not be read; the log says why.' });
  }

  const content = { mediaType: 'application/octet-stream', schema: BINARY };
  const sent = {
    200: { description: 'The whole.', content },
    206: { description: 'The piece.', content },
    304: { description: 'It is as If-None-Match says.' },
    ...problems(400, 404, 409, 412, 416, 502, 503),
  };
  const IMAGE = query('image', 'A path, or `oci:lab/app:1.2`.');
  const change = { name: 'ImageChange', zod: imageChangeSchema };
  const one = { name: 'ImageWish', zod: imageWishSchema };
  const removal = { name: 'RemovalWish', zod: removalWishSchema };

  return createResource([
    route({
      ...{ operation: 'describe', summary: 'What an image is', needs: 'pull' },
      ...{ wish: one, answer: { name: 'ImageFacts', zod: imageFactsSchema } },
      act: ({ own, name }) => own.describe(name),
    }),
    route({
      operation: 'validate',
      summary: 'Read an image whole, and compare it with all that it says of itself',
      ...{ needs: 'push', wish: one, answer: { name: 'ImageValidation', zod: imageValidationSchema } },
      act: ({ own, name, signal }) => own.validate(name, signal),
    }),
    route({
      operation: 'update-hash',
      summary: 'Read an image again, and say whether its digest is another',
      ...{ needs: 'push', wish: one, answer: { name: 'HashUpdate', zod: hashUpdateSchema } },
      act: ({ own, name, signal }) => own.updateHash(name, signal),
    }),
    route({
      operation: 'create',
      summary: 'Make a manifest that was pushed the next version of its repository',
      needs: 'push',
      tell: ({ digest }) => ({ action: 'tagged', digest, message: 'a version was made' }),
      wish: { name: 'VersionWish', zod: versionWishSchema },
      answer: { name: 'ImageVersion', zod: imageVersionSchema },
      async act({ own, name, body, permitted }) {
        if (name.kind === 'file') {
          const message = 'The content of a file comes by PUT at its path, or as an upload.';
          return { ok: false, code: 'UNSUPPORTED', message };
        }
        const digest = parseOciDigest(body.digest);
        if (digest === undefined) {
          return {
            ok: false,
            code: 'DIGEST_MISMATCH',
            message: `"${body.digest.slice(0, 100)}" is no digest.`,
          };
        }
        return own.create(name, { kind: 'manifest', digest, by: permitted.subject });
      },
    }),
    route({
      operation: 'release',
      summary: 'Keep an image as it is, or let it go',
      needs: ({ undo }) => (undo === true ? 'letGo' : 'release'),
      answer: change,
      tell: ({ undo }) => ({
        action: undo === true ? 'unreleased' : 'released',
        message: 'an image was released, or let go',
      }),
      wish: { name: 'ReleaseWish', zod: releaseWishSchema },
      act: ({ own, name, body }) => own.release(name, body.undo !== true),
    }),
    route({
      operation: 'remove',
      summary: 'Remove an image; of a repository with all tags that lead to it',
      ...{ needs: 'delete', wish: removal, answer: change },
      tell: ({ tagOnly }) => ({
        action: tagOnly === true ? 'untagged' : 'deleted',
        message: 'an image was removed',
      }),
      act: ({ own, name, body }) => own.remove(name, body),
    }),
    route({
      operation: 'purge',
      summary: 'Remove a repository with everything in it',
      ...{ needs: 'purge', wish: removal, answer: change },
      tell: () => ({ action: 'deleted', message: 'a repository was removed' }),
      act: ({ own, name, body }) => own.purge(name, body),
    }),
    route({
      operation: 'rename',
      summary: 'Give an image, a tag or a repository another name',
      ...{ needs: 'rename', answer: change },
      tell: ({ to }) => ({ action: 'renamed', to, message: 'an image was renamed' }),
      wish: { name: 'RenameWish', zod: renameWishSchema },
      act: ({ own, name, body }) => own.rename(name, body.to, body),
    }),
    createOperationImportRoute(deps),
    granted({
      method: 'GET',
      path: `${OPERATIONS_API}/export`,
      summary: 'An image as a file',
      parameters: [
        IMAGE,
        query('format', `Of an image of the registry: ${EXPORT_FORMS.join(' or ')}.`),
        query('platform', 'Of an image for many: this one alone, such as `linux/arm64`.'),
        query('name', 'Of an image of the registry: how engines are to call it.'),
      ],
      responses: sent,
      handle: (request, response) =>
        send(request, response, 'export', (own, name, asked) => {
          const form = EXPORT_FORMS.find((each) => each === (asked.get('format') ?? EXPORT_FORMS[0]));
          const platform = asked.has('platform') ? parsePlatform(asked.get('platform') ?? '') : undefined;
          if (form === undefined) return `"format" must be one of ${EXPORT_FORMS.join(', ')}.`;
          if (platform === null) return '"platform" must be such as linux/amd64 or linux/arm/v7.';
          return own.export(name, { form, platform, name: asked.get('name') ?? undefined });
        }),
    }),
    granted({
      method: 'GET',
      path: `${OPERATIONS_API}/extract`,
      summary: 'A disk that stands in an image, as a flat file',
      parameters: [IMAGE, query('disk', 'Its name; unless said, the only one.')],
      responses: sent,
      handle: (request, response) =>
        send(request, response, 'extract', (own, name, asked) =>
          own.extract(name, asked.get('disk') ?? undefined),
        ),
    }),
  ]);
}
