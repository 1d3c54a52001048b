// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { errorMessage } from '@local-datastore/shared/errors';
import { BINARY } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { refuse } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { parsePlatform } from '@local-datastore/shared/oci/platform';
import { formatManifestReference, parseImageReference } from '@local-datastore/shared/oci/reference';
import type { Places } from '../../access/places.ts';
import type { DownloadLog } from '../../activity/downloads.ts';
import type { RegistryReader } from '../../archives/archive-registry.ts';
import {
  EXPORT_FORMS,
  type ExportForm,
  openExport,
  type PlannedExport,
  planExport,
} from '../../archives/export-image.ts';
import { exportFileName, parseLocalReference } from '../../container-images/local-reference.ts';
import { granted, problems, query } from '../openapi/describe.ts';
import { REGISTRY_API, type RegistryGate } from '../registry-gate.ts';
import { createResource, type Resource } from '../resource.ts';
import { RefusedRead, type SendSource } from '../send-source.ts';
import { longParameter, queryOf, REGISTRY_OFF } from './repositories.ts';

const PATH = `${REGISTRY_API}/export`;

export interface ImageExportDeps {
  readonly log: Log;
  readonly gate: RegistryGate;
  /** With what upstreams have. */
  readonly shown: RegistryReader;
  readonly sendSource: SendSource;
  readonly downloads: Pick<DownloadLog, 'begin'>;
  readonly places: Pick<Places, 'publicFor'>;
}

/** Of exactly these bytes: what stands in memory by itself, and blobs by their digests. */
function entityTagOf({ parts }: PlannedExport): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part.kind === 'bytes' ? part.bytes : formatDigest(part.digest));
  return `"${hash.digest('hex')}"`;
}

const isExportForm = (text: string): text is ExportForm => (EXPORT_FORMS as readonly string[]).includes(text);

/**
 * `/-/api/v1/registry/export/<name>:<tag>`: an image as an archive, streamed from where its blobs are.
 *
 * @param known undefined: the registry is off
 */
export function createImageExportRoutes(known: ImageExportDeps | undefined): Resource {
  return createResource([
    granted({
      method: 'GET',
      path: `${PATH}/{image}`,
      summary: 'An image of the registry as an archive',
      parameters: [
        {
          in: 'path',
          name: 'image',
          description: 'Such as `lab/app:1.2`, or `lab/app@sha256:…`; slashes may be written as `%2F`.',
          mayHoldSlashes: true,
        },
        query(
          'format',
          '`oci-archive` (all that the name leads to), or `docker-archive` (one image). Unless said: the first.',
        ),
        query('platform', 'Of an image for many: this one alone, such as `linux/arm64`.'),
        query('name', 'How engines are to call it; unless said: as it is pulled by the host that was asked.'),
      ],
      responses: {
        200: { description: 'The archive.', content: { mediaType: 'application/x-tar', schema: BINARY } },
        206: {
          description: 'The piece of the archive.',
          content: { mediaType: 'application/x-tar', schema: BINARY },
        },
        304: { description: 'It is as If-None-Match says.' },
        ...problems(400, 404, 409, 412, 416, 502, 503),
      },
      async handle(request, response) {
        if (known === undefined) {
          sendProblem(response, REGISTRY_OFF);
          return;
        }
        const { log, gate, shown, sendSource, downloads, places } = known;
        const parsed = parseLocalReference(longParameter(request, 'image'));
        const asked = queryOf(request);
        const form = asked.get('format') ?? 'oci-archive';
        const platform = asked.has('platform') ? parsePlatform(asked.get('platform') ?? '') : undefined;
        const named = asked.get('name');
        const namedAs = named === null ? undefined : parseImageReference(named);
        const wrong =
          parsed.kind === 'invalid'
            ? parsed.reason
            : !isExportForm(form)
              ? `"format" must be one of ${EXPORT_FORMS.join(', ')}.`
              : platform === null
                ? '"platform" must be such as linux/amd64 or linux/arm/v7.'
                : namedAs?.kind === 'invalid'
                  ? `"name": ${namedAs.reason}`
                  : undefined;
        if (parsed.kind === 'invalid' || !isExportForm(form) || platform === null || wrong !== undefined) {
          sendProblem(response, { status: 400, detail: wrong ?? '' });
          return;
        }
        const { repository, reference } = parsed;
        const wish = { action: 'pull', repository, reference: formatManifestReference(reference) } as const;
        if ((await gate(request, response, wish)) === undefined) return;
        // As who loads it would pull it.
        const host = places.publicFor(request)?.host ?? request.headers.host;
        const asPulled =
          'tag' in reference && host !== undefined ? `${host}/${repository}:${reference.tag}` : undefined;
        const name = named ?? asPulled;
        const planned = await planExport(shown, { repository, reference, form, platform, name });
        const source = await openExport(shown, repository, planned);
        if (response.destroyed) {
          source.close();
          return;
        }
        const fileName = exportFileName(parsed, platform);
        response.setHeader('Content-Disposition', `attachment; filename="${fileName}"`);
        response.setHeader('Docker-Content-Digest', formatDigest(planned.digest));
        downloads.begin(
          request,
          response,
          `${PATH}/${repository}:${formatManifestReference(reference)}`.slice(1),
        );
        sendSource(request, response, source, {
          name: fileName,
          entityTag: entityTagOf(planned),
          contentType: 'application/x-tar',
          onFailure(error) {
            if (error instanceof RefusedRead) {
              refuse(request, response, { status: error.status, detail: `${error.message}.` });
              return;
            }
            const reason = errorMessage(error);
            const isGone = response.destroyed;
            log[isGone ? 'debug' : 'error']({ repository, reason }, 'an export could not be sent');
            refuse(request, response, {
              status: 503,
              detail: 'The archive could not be read; the log says why.',
            });
          },
        });
      },
    }),
  ]);
}
