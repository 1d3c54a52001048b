// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage } from '@local-datastore/shared/errors';
import { type Problem, sendProblem } from '@local-datastore/shared/http/problem';
import type { Log } from '@local-datastore/shared/log';
import type { DownloadLog } from '../activity/downloads.ts';
import { type ByteSource, wholeFile } from '../content/byte-source.ts';
import { lazySource } from '../content/lazy-source.ts';
import type { OpenImage } from '../images/open-image.ts';
import type { DistantFile } from '../upstream/images/image-lists.ts';
import type { ImageUpstreams } from '../upstream/images/open-image-upstreams.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type { FilesDeps } from './files.ts';
import { RefusedRead, type SendSource } from './send-source.ts';
import { NO_SUCH_IMAGE, storeProblem } from './store-problem.ts';
import { upstreamProblem } from './upstream-problem.ts';
import { reprDigest } from './validators.ts';

export interface DistantFilesDeps {
  readonly log: Log;
  readonly upstreams: Pick<ImageUpstreams, 'find' | 'lookFor' | 'open'>;
  readonly openImage: (path: string) => OpenImage | undefined;
  readonly downloads: Pick<DownloadLog, 'begin'>;
  readonly sendSource: SendSource;
}

const UNREADABLE: Problem = { status: 503, detail: 'The image could not be fetched; the log says why.' };
/** A failure of an upstream is remembered for so long. */
const RETRY_SECONDS = '30';

function problemOf(error: unknown): Problem {
  if (error instanceof RefusedRead) return { status: error.status, detail: `${error.message}.` };
  return upstreamProblem(error) ?? storeProblem(error) ?? UNREADABLE;
}

/**
 * Answers for images that are not here, and can come from an upstream: GET while they come, HEAD by what the upstream's
 * list says of them.
 */
export function createDistantFiles(deps: DistantFilesDeps): NonNullable<FilesDeps['absent']> {
  const { log, upstreams, openImage, downloads, sendSource } = deps;

  function refuse(response: ServerResponse, path: string, error: unknown): void {
    const problem = problemOf(error);
    const reason = errorMessage(error);
    if (response.destroyed) log.debug({ path, reason }, 'the client went away');
    else if (problem === UNREADABLE) log.error({ path, reason }, 'an image could not be fetched');
    // They are of the image, and this is none.
    if (!(error instanceof RefusedRead)) {
      for (const name of ['ETag', 'Accept-Ranges', 'Content-Range']) response.removeHeader(name);
    }
    const isLater = problem.status === 502 || problem.status === 503;
    sendProblem(response, problem, isLater ? { 'Retry-After': RETRY_SECONDS } : {});
  }

  async function openSource(distant: DistantFile): Promise<ByteSource> {
    const arriving = await upstreams.open(distant);
    if (arriving !== undefined) return arriving;
    const image = openImage(distant.path);
    if (image !== undefined) return wholeFile(image);
    throw new UpstreamError('NOT_FOUND', `${distant.path} came, and was removed at once`);
  }

  function send(request: IncomingMessage, response: ServerResponse, distant: DistantFile): void {
    const { path, file } = distant;
    response.setHeader('Repr-Digest', reprDigest(file.sha256));
    downloads.begin(request, response, path);
    sendSource(
      request,
      response,
      lazySource(file.sizeBytes, () => openSource(distant)),
      {
        name: path,
        entityTag: `"sha256:${file.sha256}"`,
        contentType: 'application/octet-stream',
        onFailure: (error) => refuse(response, path, error),
      },
    );
  }

  return (request, response, path) => {
    const known = upstreams.find(path);
    if (known !== undefined) {
      send(request, response, known);
      return;
    }
    upstreams.lookFor(path).then(
      (found) => {
        if (response.destroyed) return;
        if (found === undefined) sendProblem(response, NO_SUCH_IMAGE);
        else send(request, response, found);
      },
      (error) => refuse(response, path, error),
    );
  };
}
