// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { refuse } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import type { NoteChange } from '../changes/change.ts';
import type { FileVersion } from '../content/file-version.ts';
import type { StagedImage } from '../content/staging.ts';
import { imageReference, parseImagePath } from '../images/image-path.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { OpenImage } from '../images/open-image.ts';
import { NAME_RULES, requireImagePath } from '../images/placing.ts';
import { answerFailure } from './answer-failure.ts';
import { originOfWriter } from './change-origin.ts';
import { contentOf } from './request-content.ts';
import { NO_SUCH_IMAGE } from './store-problem.ts';
import { decideUploadContent, emptyContentError, isEmptyMeant, someContent } from './upload-content.ts';
import { isMatch, reprDigest, validatorsOf } from './validators.ts';

export interface PublishDeps {
  readonly log: Log;
  readonly note: NoteChange;
  readonly store: ImageStore;
  readonly openImage: (path: string) => OpenImage | undefined;
  readonly digestOf: (path: string, version: FileVersion) => string | undefined;
}

/** Takes PUT, POST and DELETE at the path of an image. */
export type PublishHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  urlPath: string,
) => Promise<void>;

/** A condition of the request does not hold. */
class ConditionFailedError extends Error {}

/** Creates what PUT and POST (as EVE's collect-info sends) store, and removes what DELETE names. */
export function createPublishHandler(deps: PublishDeps): PublishHandler {
  const { log, note, store, openImage, digestOf } = deps;

  /** What the path holds now, as its entity tags say; undefined: nothing. */
  function currentValidators(path: string) {
    const image = openImage(path);
    if (image === undefined) return undefined;
    closeSync(image.fd);
    return validatorsOf(image.version, digestOf(image.path, image.version));
  }

  /**
   * RFC 9110 §13.1: If-Match guards against overwriting another's work, `If-None-Match: *` against any.
   *
   * @throws ConditionFailedError
   */
  function requireConditions(request: IncomingMessage, path: string): void {
    const ifMatch = request.headers['if-match'];
    const ifNoneMatch = request.headers['if-none-match'];
    if (ifMatch === undefined && ifNoneMatch === undefined) return;
    const current = currentValidators(path);
    if (ifMatch !== undefined && (current === undefined || !isMatch(ifMatch, current))) {
      throw new ConditionFailedError('The image is not the one that If-Match names.');
    }
    if (ifNoneMatch !== undefined && current !== undefined && isMatch(ifNoneMatch, current)) {
      throw new ConditionFailedError('There is an image at this path, which If-None-Match excludes.');
    }
  }

  async function put(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const { headers } = request;
    requireImagePath(path);
    const decided = decideUploadContent(headers, request.url ?? '');
    if (decided.kind === 'refused') {
      refuse(request, response, decided.problem);
      return;
    }
    const { sizeBytes, digests } = decided;
    const mayBeEmpty = isEmptyMeant(request);
    if (sizeBytes === 0 && !mayBeEmpty) throw emptyContentError();
    const replace = headers['if-none-match']?.trim() !== '*';
    await store.requirePlaceable(path, { replace });
    const received = contentOf(request, response);
    const content = mayBeEmpty || sizeBytes !== undefined ? received : someContent(received);
    let staged: StagedImage | undefined;
    try {
      staged = await store.stage(content, { sizeBytes, digests, path });
      const image = await store.publish(staged, path, {
        replace,
        // Another request may have been quicker while the content came.
        precondition: () => requireConditions(request, path),
      });
      note(
        {
          action: image.isNew ? 'created' : 'replaced',
          ...{ image: path, sizeBytes: image.sizeBytes, digest: `sha256:${image.sha256}` },
          ...originOfWriter(request),
          via: request.method === 'POST' ? 'POST' : 'PUT',
        },
        'an image was uploaded',
      );
      const body = `${JSON.stringify({ path, sizeBytes: image.sizeBytes, sha256: image.sha256 })}\n`;
      response.writeHead(image.isNew ? 201 : 200, {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
        Location: `/${imageReference(path)}`,
        ETag: `"sha256:${image.sha256}"`,
        'Repr-Digest': reprDigest(image.sha256),
        'X-Content-Type-Options': 'nosniff',
      });
      response.end(body);
    } catch (error) {
      if (staged !== undefined) await store.discard(staged);
      throw error;
    }
  }

  async function remove(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const isRemoved = await store.remove(path, { precondition: () => requireConditions(request, path) });
    if (!isRemoved) {
      refuse(request, response, NO_SUCH_IMAGE);
      return;
    }
    note(
      { action: 'deleted', image: path, ...originOfWriter(request), via: 'DELETE' },
      'an image was deleted',
    );
    response.writeHead(204).end();
  }

  return async (request, response, urlPath) => {
    try {
      const path = parseImagePath(urlPath);
      if (path === undefined) {
        const detail = `No image can have this path: ${NAME_RULES}.`;
        refuse(request, response, { status: 400, code: 'NAME_INVALID', detail });
        return;
      }
      requireConditions(request, path);
      if (request.method === 'DELETE') await remove(request, response, path);
      else await put(request, response, path);
    } catch (error) {
      if (error instanceof ConditionFailedError) {
        refuse(request, response, { status: 412, detail: error.message });
        return;
      }
      answerFailure({ log }, request, response, error);
    }
  };
}
