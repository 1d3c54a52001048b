// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { blobLocation } from '@local-datastore/shared/oci/registry-path';
import type { DownloadLog } from '../activity/downloads.ts';
import type { RegistryStore } from '../blobs/registry-store.ts';
import { type NoteChange, registryImage } from '../changes/change.ts';
import { RefusedRead, type SendSource } from '../http/send-source.ts';
import { FileChangedError } from '../http/transfer.ts';
import { type RegistryResource, sendEmpty } from './registry-call.ts';
import { answerToFailure } from './registry-failure.ts';
import { RegistryRefusedError, refusalOfProblem, refuseRegistry } from './registry-refusal.ts';

export interface BlobsDeps {
  readonly log: Log;
  readonly note: NoteChange;
  readonly store: Pick<RegistryStore, 'statBlob' | 'openBlob' | 'deleteBlob'>;
  readonly sendSource: SendSource;
  readonly downloads: Pick<DownloadLog, 'begin'>;
}

const BLOB_TYPE = 'application/octet-stream';

/** `/v2/<name>/blobs/<digest>`: blobs are read (end-2), and deleted where no manifest needs them (end-10). */
export function createBlobs({
  log,
  note,
  store,
  sendSource,
  downloads,
}: BlobsDeps): RegistryResource<'blob'> {
  const unknownBlob = (digest: string) =>
    new RegistryRefusedError(404, 'BLOB_UNKNOWN', 'The repository does not have this blob.', {
      detail: { digest },
    });

  return {
    GET: {
      action: 'pull',
      async handle({ request, response, path: { repository, digest } }) {
        const name = formatDigest(digest);
        const blob = await store.openBlob(repository, digest);
        if (blob === undefined) throw unknownBlob(name);
        if (response.destroyed) {
          blob.source.close();
          return;
        }
        const place = blobLocation(repository, digest);
        response.setHeader('Docker-Content-Digest', name);
        downloads.begin(request, response, place.slice(1));
        sendSource(request, response, blob.source, {
          name: place,
          entityTag: `"${name}"`,
          contentType: BLOB_TYPE,
          onFailure(error) {
            if (error instanceof RefusedRead) {
              refuseRegistry(
                request,
                response,
                refusalOfProblem({ status: error.status, detail: `${error.message}.` }),
              );
              return;
            }
            const reason = errorMessage(error);
            const known = answerToFailure(error);
            if (known !== undefined) {
              log.warn({ path: place, reason }, 'a blob does not come');
              refuseRegistry(request, response, known.refusal, known.headers);
              return;
            }
            if (response.destroyed) log.debug({ path: place, reason }, 'the client went away');
            else if (error instanceof FileChangedError)
              log.warn({ path: place, reason }, 'a blob was changed in place');
            else log.error({ path: place, reason }, 'a blob could not be sent');
            refuseRegistry(
              request,
              response,
              refusalOfProblem({ status: 503, detail: 'The blob could not be read; the log says why.' }),
            );
          },
        });
      },
    },
    HEAD: {
      action: 'pull',
      async handle({ response, path: { repository, digest }, allowed }) {
        const name = formatDigest(digest);
        // Who may push asks whether it need not send.
        const isForPush = allowed.may('push', repository);
        const blob = await store.statBlob(repository, digest, { isForPush });
        if (blob === undefined) throw unknownBlob(name);
        response.writeHead(200, {
          'Content-Type': BLOB_TYPE,
          'Content-Length': blob.sizeBytes,
          'Accept-Ranges': 'bytes',
          'Docker-Content-Digest': name,
          ETag: `"${name}"`,
          'X-Content-Type-Options': 'nosniff',
        });
        response.end();
      },
    },
    DELETE: {
      action: 'delete',
      async handle(call) {
        const { repository, digest } = call.path;
        const name = formatDigest(digest);
        const outcome = await store.deleteBlob(repository, digest);
        if (outcome === 'absent') throw unknownBlob(name);
        if (outcome === 'needed') {
          // The specification's answer where a blob is not deleted (end-10): clients that clean up go on.
          throw new RegistryRefusedError(
            405,
            'UNSUPPORTED',
            'An image of this repository needs the blob, which goes by itself after it: delete the manifest.',
            { headers: { Allow: 'GET, HEAD' } },
          );
        }
        const { subject: by, client } = call.allowed;
        note(
          { action: 'deleted', image: registryImage(repository, name), by, client, via: 'registry' },
          'a blob was deleted',
        );
        sendEmpty(call, 202);
      },
    },
  };
}
