// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage } from '@local-datastore/shared/errors';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { refuse } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { type DownloadTickets, ticketOf } from '../access/download-tickets.ts';
import type { DownloadLog } from '../activity/downloads.ts';
import type { RegistryReader } from '../archives/archive-registry.ts';
import {
  ARTIFACT_PREFIX,
  artifactPath,
  type DiskArtifacts,
  parseArtifactPath,
} from '../container-images/disk-artifacts.ts';
import { parseImagePath } from '../images/image-path.ts';
import type { RegistryGate } from './registry-gate.ts';
import { RefusedRead, type SendSource } from './send-source.ts';
import { NO_SUCH_IMAGE } from './store-problem.ts';
import { reprDigest } from './validators.ts';

/** Answers a request for a disk of the registry at the path that it has among the images. */
export type ArtifactHandler = (request: IncomingMessage, response: ServerResponse, urlPath: string) => void;

export interface ArtifactFilesDeps {
  readonly log: Log;
  readonly gate: RegistryGate;
  /** Of links that whoever may pull was given. */
  readonly tickets: Pick<DownloadTickets, 'isValid'>;
  readonly artifacts: Pick<DiskArtifacts, 'find'>;
  readonly stored: Pick<RegistryReader, 'openBlob'>;
  readonly sendSource: SendSource;
  readonly downloads: Pick<DownloadLog, 'begin'>;
}

/** Whether a URL path is that of a disk of the registry, `/oci:lab/disk:1`. */
export const isArtifactPath = (urlPath: string): boolean =>
  /^\/+oci(?::|%3a)/i.test(urlPath) && parseImagePath(urlPath)?.startsWith(ARTIFACT_PREFIX) === true;

/** `/oci:<repository>:<tag>`: a disk that was pushed, as a flat file, from where its blob stands. */
export function createArtifactHandler(deps: ArtifactFilesDeps): ArtifactHandler {
  const { log, gate, artifacts, stored, sendSource, downloads } = deps;

  async function handle(request: IncomingMessage, response: ServerResponse, urlPath: string): Promise<void> {
    const path = parseImagePath(urlPath) ?? '';
    const named = parseArtifactPath(path);
    if (named === undefined) {
      sendProblem(response, NO_SUCH_IMAGE);
      return;
    }
    const { repository, tag } = named;
    const ticket = ticketOf(request.url ?? '');
    const isTicketed = ticket !== undefined && deps.tickets.isValid(path, ticket);
    const wish = { action: 'pull', repository, reference: tag } as const;
    if (!isTicketed && (await gate(request, response, wish)) === undefined) return;
    const artifact = await artifacts.find(repository, tag);
    const blob = artifact && (await stored.openBlob(repository, artifact.digest));
    if (artifact === undefined || blob === undefined) {
      sendProblem(response, NO_SUCH_IMAGE);
      return;
    }
    if (response.destroyed) {
      blob.source.close();
      return;
    }
    const { digest } = artifact;
    if (digest.algorithm === 'sha256') response.setHeader('Repr-Digest', reprDigest(digest.hex));
    response.setHeader('Last-Modified', new Date(artifact.pushed).toUTCString());
    downloads.begin(request, response, artifactPath(artifact));
    sendSource(request, response, blob.source, {
      ...{ name: path, entityTag: `"${formatDigest(digest)}"`, contentType: 'application/octet-stream' },
      onFailure(error) {
        if (error instanceof RefusedRead) {
          refuse(request, response, { status: error.status, detail: `${error.message}.` });
          return;
        }
        log[response.destroyed ? 'debug' : 'error'](
          { path, reason: errorMessage(error) },
          'a disk could not be sent',
        );
        refuse(request, response, { status: 503, detail: 'The disk could not be read; the log says why.' });
      },
    });
  }

  return (request, response, urlPath) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const detail = 'Disks of the registry are pushed to their repository, and read here.';
      refuse(request, response, { status: 405, detail }, { Allow: 'GET, HEAD' });
      return;
    }
    handle(request, response, urlPath).catch((error: unknown) => {
      log.error({ path: urlPath, reason: errorMessage(error) }, 'a request for a disk failed');
      refuse(request, response, { status: 500, detail: 'Something unexpected happened; the log says what.' });
    });
  };
}
