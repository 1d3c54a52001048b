// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import {
  formatDigest,
  isOciAlgorithm,
  type OciDigest,
  parseOciDigest,
} from '@local-datastore/shared/oci/digest';
import { isRepositoryName, type RepositoryName } from '@local-datastore/shared/oci/reference';
import { blobLocation, uploadLocation } from '@local-datastore/shared/oci/registry-path';
import { RegistryError } from '../blobs/registry-error.ts';
import type { RegistryStore, UploadSession } from '../blobs/registry-store.ts';
import { contentOf } from '../http/request-content.ts';
import { type ByteRange, parseByteRange, receivedRange } from './byte-range.ts';
import { type RegistryCall, type RegistryResource, sendEmpty } from './registry-call.ts';
import { RegistryRefusedError } from './registry-refusal.ts';

export interface UploadsDeps {
  readonly log: Log;
  readonly store: Pick<
    RegistryStore,
    'mountBlob' | 'createUpload' | 'findUpload' | 'appendUpload' | 'finishUpload' | 'cancelUpload'
  >;
}

const DIGEST_WANTED = 'must be "sha256:" and 64 digits, or "sha512:" and 128.';

/** @throws RegistryRefusedError */
function requireDigest(name: string, text: string): OciDigest {
  const digest = parseOciDigest(text);
  if (digest !== undefined) return digest;
  throw new RegistryRefusedError(400, 'DIGEST_INVALID', `"${name}" ${DIGEST_WANTED}`, {
    detail: { [name]: text },
  });
}

const unknownUpload = () =>
  new RegistryRefusedError(
    404,
    'BLOB_UPLOAD_UNKNOWN',
    'There is no such upload: it ended, was cancelled, or nothing came of it for too long.',
  );

const sessionHeaders = (repository: RepositoryName, { id, receivedBytes }: UploadSession) => ({
  Location: uploadLocation(repository, id),
  Range: receivedRange(receivedBytes),
  'Docker-Upload-UUID': id,
});

/**
 * Where a chunk stands in its blob; undefined: behind what is there.
 *
 * @throws RegistryRefusedError where what the head says cannot be, or is not so
 */
function rangeOf({ request }: Pick<RegistryCall, 'request'>): ByteRange | undefined {
  const { 'content-range': text, 'content-length': length } = request.headers;
  if (text === undefined) return undefined;
  const range = parseByteRange(text);
  if (range === undefined) {
    throw new RegistryRefusedError(400, 'BLOB_UPLOAD_INVALID', 'Content-Range must be as "0-1023".');
  }
  const promisedBytes = range.last - range.first + 1;
  if (length !== undefined && Number(length) !== promisedBytes) {
    throw new RegistryRefusedError(
      400,
      'SIZE_INVALID',
      `Content-Range is of ${promisedBytes} bytes, Content-Length of ${length}.`,
    );
  }
  return range;
}

/** Whether a request brings anything. */
const hasBody = ({ request }: Pick<RegistryCall, 'request'>): boolean => {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && Number(length) > 0);
};

/** `/v2/<name>/blobs/uploads/` and what it leads to: blobs come in (end-4, 5, 6, 11, 13, 14). */
export function createUploads({ log, store }: UploadsDeps): {
  readonly uploads: RegistryResource<'uploads'>;
  readonly upload: RegistryResource<'upload'>;
} {
  type Call = RegistryCall<{ readonly kind: 'uploads'; readonly repository: RepositoryName }>;
  type SessionCall = RegistryCall<{
    readonly kind: 'upload';
    readonly repository: RepositoryName;
    readonly id: string;
  }>;

  /** Writes the body of a request behind what is there. @throws RegistryRefusedError */
  async function receive(
    { request, response, path }: Call | SessionCall,
    session: UploadSession,
  ): Promise<UploadSession> {
    const { repository } = path;
    const range = rangeOf({ request });
    const content = contentOf(request, response);
    try {
      const after = await store.appendUpload(repository, session.id, range?.first, content);
      const promisedEnd = range === undefined ? after.receivedBytes : range.last + 1;
      if (after.receivedBytes === promisedEnd) return after;
      throw new RegistryRefusedError(
        400,
        'SIZE_INVALID',
        'The chunk was not as long as Content-Range says.',
        {
          headers: sessionHeaders(repository, after),
        },
      );
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'UPLOAD_OFFSET') throw error;
      const current = await store.findUpload(repository, session.id);
      if (current === undefined) throw unknownUpload();
      throw new RegistryRefusedError(
        416,
        'BLOB_UPLOAD_INVALID',
        `The next byte of this upload is ${current.receivedBytes}.`,
        { headers: sessionHeaders(repository, current) },
      );
    }
  }

  async function finish(call: Call | SessionCall, session: UploadSession, digest: OciDigest): Promise<void> {
    const { repository } = call.path;
    const { sizeBytes } = await store.finishUpload(repository, session.id, digest);
    log.info({ repository, digest: formatDigest(digest), sizeBytes }, 'a blob was pushed');
    sendEmpty(call, 201, {
      Location: blobLocation(repository, digest),
      'Docker-Content-Digest': formatDigest(digest),
    });
  }

  async function requireSession({ path: { repository, id } }: SessionCall): Promise<UploadSession> {
    const session = await store.findUpload(repository, id);
    if (session === undefined) throw unknownUpload();
    return session;
  }

  /** @returns whether the repository has the blob now */
  async function mount({ path: { repository }, query, allowed }: Call, digest: OciDigest): Promise<boolean> {
    const from = query.get('from') || undefined;
    // Where the client may not read it, it is to send the blob as if there were none.
    if (from !== undefined && !(isRepositoryName(from) && allowed.may('pull', from))) return false;
    const mayPull = (name: RepositoryName) => allowed.may('pull', name);
    return await store.mountBlob(digest, { from, to: repository, mayPull });
  }

  const begin = async (call: Call, algorithm: OciDigest['algorithm'] | undefined) => {
    const { repository } = call.path;
    const session = await store.createUpload(repository, { algorithm });
    sendEmpty(call, 202, sessionHeaders(repository, session));
  };

  const status = {
    action: 'push',
    async handle(call: SessionCall) {
      const session = await requireSession(call);
      sendEmpty(call, 204, sessionHeaders(call.path.repository, session));
    },
  } as const;

  return {
    uploads: {
      POST: {
        action: 'push',
        async handle(call) {
          const { path, query } = call;
          const { repository } = path;
          const mounted = query.get('mount');
          if (mounted !== null) {
            const digest = requireDigest('mount', mounted);
            if (!(await mount(call, digest))) {
              await begin(call, digest.algorithm);
              return;
            }
            sendEmpty(call, 201, {
              Location: blobLocation(repository, digest),
              'Docker-Content-Digest': formatDigest(digest),
            });
            return;
          }
          const given = query.get('digest');
          if (given !== null) {
            const digest = requireDigest('digest', given);
            const session = await store.createUpload(repository, { algorithm: digest.algorithm });
            try {
              await finish(call, await receive(call, session), digest);
            } catch (error) {
              // Nobody knows its address.
              await store.cancelUpload(repository, session.id);
              throw error;
            }
            return;
          }
          const algorithm = query.get('digest-algorithm') ?? undefined;
          if (algorithm !== undefined && !isOciAlgorithm(algorithm)) {
            const message = '"digest-algorithm" must be sha256 or sha512.';
            throw new RegistryRefusedError(400, 'DIGEST_INVALID', message);
          }
          await begin(call, algorithm);
        },
      },
    },
    upload: {
      GET: status,
      HEAD: status,
      PATCH: {
        action: 'push',
        async handle(call) {
          const session = await receive(call, await requireSession(call));
          sendEmpty(call, 202, sessionHeaders(call.path.repository, session));
        },
      },
      PUT: {
        action: 'push',
        async handle(call) {
          const digest = requireDigest('digest', call.query.get('digest') ?? '');
          const session = await requireSession(call);
          await finish(call, hasBody(call) ? await receive(call, session) : session, digest);
        },
      },
      DELETE: {
        action: 'push',
        async handle(call) {
          const { repository, id } = call.path;
          if (!(await store.cancelUpload(repository, id))) throw unknownUpload();
          sendEmpty(call, 204);
        },
      },
    },
  };
}
