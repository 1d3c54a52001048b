// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@local-datastore/shared/clock';
import { CodedError } from '@local-datastore/shared/errors';
import { sayContinue } from '@local-datastore/shared/http/refuse';
import { DeploymentError } from '../launch/deployments/errors.ts';

/** Whoever sends no longer does. */
export class UploadError extends CodedError<'UPLOAD_STALLED'> {}

/** `docker save` of a large image says nothing for a while at first. */
const MAX_SILENCE_MS = 300_000;

/** One promise a piece: whoever races them with one that lasts keeps them all in memory. */
function nextWithin<Piece>(pieces: AsyncIterator<Piece>, clock: Clock): Promise<IteratorResult<Piece>> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(MAX_SILENCE_MS, () => {
      const message = `nothing has come for ${MAX_SILENCE_MS / 1000} s: the upload is given up`;
      reject(new UploadError('UPLOAD_STALLED', message, { retryable: true }));
    });
    pieces.next().then(resolve, reject).finally(cancel);
  });
}

/**
 * What a client sends, as it comes; one that waits to be asked for it (`Expect: 100-continue`) is asked now.
 *
 * @throws (the iteration) DeploymentError IMAGE_TOO_LARGE beyond `maxBytes`; UploadError; what the connection ends with
 */
export async function* readUpload(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
  clock: Clock,
): AsyncGenerator<Uint8Array> {
  sayContinue(request, response);
  let receivedBytes = 0;
  // Not to want the rest leaves the connection open, so that the client hears why.
  const pieces = request.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const next = await nextWithin(pieces, clock);
      if (next.done === true) return;
      receivedBytes += (next.value as Buffer).length;
      if (receivedBytes > maxBytes) {
        throw new DeploymentError('IMAGE_TOO_LARGE', `the archive has more than ${maxBytes} bytes`);
      }
      yield next.value as Buffer;
    }
  } finally {
    void Promise.resolve(pieces.return?.()).catch(() => {});
  }
}
