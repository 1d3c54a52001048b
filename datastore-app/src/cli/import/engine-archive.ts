// SPDX-License-Identifier: Apache-2.0
import { parseEngineAddress } from '@local-datastore/shared/engine/engine-address';
import {
  createEngineClient,
  type EngineClient,
  EngineError,
} from '@local-datastore/shared/engine/engine-client';
import { ConfigurationError, systemErrorCode } from '@local-datastore/shared/errors';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { withoutKnownBlobs } from '../../archive-imports/without-known-blobs.ts';
import type { BlobInfo } from '../../blobs/registry-store.ts';
import { REGISTRY_API } from '../../http/registry-gate.ts';
import { missingSchema } from '../../http/routes/registry-inventory.ts';
import { AnswerError } from '../exit-code.ts';
import type { DatastoreClient } from '../registry/datastore-client.ts';

/** Nobody listens there. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);
const NOT_PERMITTED = new Set(['EACCES', 'EPERM']);
/** It is not as whoever asks says: another name or option helps. */
const WRONGLY_ASKED = new Set([400, 401, 403, 404]);

/** What an engine that does not do what it is asked is to a command; anything else as it is. */
export function engineFailure(error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  const { message, status } = error;
  const code = systemErrorCode(error.cause) ?? '';
  const options = { cause: error };
  if (NOT_PERMITTED.has(code)) {
    return new ConfigurationError(
      `${message}: only root and the group of the socket, often "docker", may speak to it`,
      options,
    );
  }
  if (status !== null && WRONGLY_ASKED.has(status)) return new ConfigurationError(message, options);
  const advice = NOBODY.has(code) ? ': start it, or name it with DOCKER_HOST or --docker-host' : '';
  return new AnswerError('SOURCE_FAILED', `${message}${advice}`, options);
}

/** Waits for an engine. @throws what {@link engineFailure} makes of what it throws */
export async function ofEngine<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw engineFailure(error);
  });
}

/** The engine that `DOCKER_HOST` or an option names. @throws ConfigurationError */
export const connectToEngine = (dockerHost: string | undefined): EngineClient =>
  createEngineClient(parseEngineAddress(dockerHost));

/** What did not have to be sent. */
export interface LeftOut {
  layers: number;
  sizeBytes: number;
}

export interface SavedImageDeps {
  readonly engine: EngineClient;
  readonly client: Pick<DatastoreClient, 'ask'>;
  readonly signal: AbortSignal;
}

/** Whether the datastore has a blob, and gives it to an import of ours. */
async function isThere(
  { ask }: Pick<DatastoreClient, 'ask'>,
  { digest, sizeBytes }: BlobInfo,
): Promise<boolean> {
  const blobs = [{ digest: formatDigest(digest), sizeBytes }];
  const answer = await ask('POST', `${REGISTRY_API}/import/missing`, { blobs });
  return missingSchema().parse(await answer.json()).missing.length === 0;
}

/**
 * Images as an engine saves them, without the layers that the datastore has, where the engine calls them by their
 * digests.
 *
 * @param asked of the engine, which answers with an archive
 * @param leftOut is counted up meanwhile
 * @throws AnswerError, ConfigurationError, ArchiveError; before the first piece where the engine refuses
 */
export async function* savedImages(
  { engine, client, signal }: SavedImageDeps,
  { path, query }: { readonly path: string; readonly query?: Readonly<Record<string, string>> },
  leftOut: LeftOut,
): AsyncGenerator<Uint8Array> {
  async function* saved() {
    try {
      yield* (await engine.open('GET', path, { ...(query && { query }), signal })).body;
    } catch (error) {
      throw engineFailure(error);
    }
  }
  yield* withoutKnownBlobs(saved(), async (blob) => {
    const isKnown = await isThere(client, blob);
    if (isKnown) {
      leftOut.layers += 1;
      leftOut.sizeBytes += blob.sizeBytes;
    }
    return isKnown;
  });
}
