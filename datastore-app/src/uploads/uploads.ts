// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { ADMIN, subjectOf } from '../access/registry-principal.ts';
import type { ChangeOrigin, NoteChange } from '../changes/change.ts';
import type { Space, SpaceClaim } from '../content/space.ts';
import { asStoreError, StoreError, type StoreErrorCode } from '../content/store-error.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { UploadFiles } from './upload-files.ts';
import { parseUploadMetadata, type UploadRecord } from './upload-record.ts';

/** An upload and how far it is. */
export interface UploadStatus extends UploadRecord {
  readonly receivedBytes: number;
  /** Its content is an image now. */
  readonly isPublished: boolean;
  /** When something last arrived of it. */
  readonly changed: Date;
}

export interface NewUpload {
  readonly id: string;
  readonly sizeBytes: number;
  readonly metadata: Readonly<Record<string, string | null>>;
  readonly origin: ChangeOrigin;
}

/** What became of an upload. */
export interface UploadResult {
  readonly path: string;
  readonly sha256: string;
}

/** Images that come in piece by piece, over any number of connections and restarts. */
export interface Uploads {
  /** Takes up what an earlier run left: its room, and what was complete but not yet published. */
  start(): Promise<void>;
  /** Claims room for the whole. @throws StoreError */
  create(upload: NewUpload): Promise<void>;
  /** Waits where the upload is just being published. @returns undefined where there is none */
  find(id: string): Promise<UploadStatus | undefined>;
  /**
   * Writes what comes next. What came before an error is kept.
   *
   * @returns how many bytes there are then
   * @throws StoreError; whatever `content` throws
   */
  append(id: string, position: number, content: AsyncIterable<Uint8Array>): Promise<number>;
  /** Checks and publishes what is complete; to do it twice does no harm. @throws StoreError; then it is removed */
  finish(id: string, origin: ChangeOrigin): Promise<UploadResult>;
  /** @returns false where there is none */
  remove(id: string, origin: ChangeOrigin): Promise<boolean>;
  /** Those that are not published yet, oldest first. */
  list(): Promise<UploadStatus[]>;
  /** Removes those of which nothing came for so long. @returns how many were not complete */
  collectExpired(): Promise<number>;
  readonly expiryMs: number;
}

export interface UploadsDeps {
  readonly log: Log;
  readonly note: NoteChange;
  readonly files: UploadFiles;
  readonly store: ImageStore;
  readonly space: Space;
  readonly now?: () => number;
}

export interface UploadsOptions {
  /** An upload of which nothing comes for so long is removed. */
  readonly expiryMs: number;
  /** How many may be under way. Absent: 1000, for which there is memory and patience; a datastore serves few people. */
  readonly maxUploads?: number;
}

/** These end an upload: to try the same once more would not help. */
const FINAL: ReadonlySet<StoreErrorCode> = new Set([
  'NAME_INVALID',
  'NAME_RESERVED',
  'NAME_CONFLICT',
  'PATH_TAKEN',
  'IMAGE_RELEASED',
  'IMAGE_EXISTS',
  'SIZE_MISMATCH',
  'DIGEST_MISMATCH',
]);

/** Whoever began it had the write token. */
const UNKNOWN_ORIGIN: ChangeOrigin = { by: subjectOf(ADMIN), client: 'unknown' };

interface Upload {
  record: UploadRecord;
  claim: SpaceClaim | undefined;
  isPublished: boolean;
  /** How many requests are writing to it. */
  writers: number;
  finishing: Promise<UploadResult> | undefined;
}

export function createUploads(deps: UploadsDeps, { expiryMs, maxUploads = 1000 }: UploadsOptions): Uploads {
  const { log, note, files, store, space, now = Date.now } = deps;
  const uploads = new Map<string, Upload>();

  const requireUpload = (id: string) => {
    const upload = uploads.get(id);
    if (upload === undefined) throw new Error(`there is no upload ${id}`);
    return upload;
  };

  async function forget(upload: Upload): Promise<void> {
    const { id } = upload.record;
    uploads.delete(id);
    upload.claim?.release();
    await files.remove(id);
  }

  async function statusOf({ record, isPublished }: Upload): Promise<UploadStatus> {
    const received = await files.received(record.id);
    const createdMs = Date.parse(record.created);
    return {
      ...record,
      receivedBytes: isPublished ? record.sizeBytes : (received?.sizeBytes ?? 0),
      isPublished,
      changed: new Date(Math.max(createdMs, received?.modifiedMs ?? createdMs)),
    };
  }

  async function publish(upload: Upload, origin: ChangeOrigin): Promise<UploadResult> {
    const { id, path, sizeBytes, sha256, replace, verifiedSha256 } = upload.record;
    if (upload.isPublished && verifiedSha256 !== null) return { path, sha256: verifiedSha256 };
    try {
      const expected = {
        sizeBytes,
        ...(sha256 !== null && { digest: { algorithm: 'sha256', hex: sha256 } as const }),
      };
      const staged = await store.stageFile(files.contentOf(id), expected);
      // From here on the absence of the content says that it was published, also after a power cut.
      upload.record = { ...upload.record, verifiedSha256: staged.sha256 };
      await files.save(upload.record);
      const { isNew } = await store.publish(staged, path, { replace });
      upload.isPublished = true;
      upload.claim?.release();
      note(
        {
          action: isNew ? 'created' : 'replaced',
          ...{ image: path, sizeBytes, digest: `sha256:${staged.sha256}`, ...origin, via: 'tus' },
        },
        'an image was uploaded',
      );
      return { path, sha256: staged.sha256 };
    } catch (error) {
      if (error instanceof StoreError && FINAL.has(error.code)) {
        log.warn({ path, reason: error.message }, 'an upload could not become an image and is removed');
        await forget(upload);
      }
      throw error;
    }
  }

  function finish(
    upload: Upload,
    origin: ChangeOrigin = upload.record.origin ?? UNKNOWN_ORIGIN,
  ): Promise<UploadResult> {
    upload.finishing ??= publish(upload, origin).finally(() => {
      upload.finishing = undefined;
    });
    return upload.finishing;
  }

  /** Publishes what is complete, where a client or the power went away before. */
  async function finishLate(upload: Upload): Promise<void> {
    await finish(upload).catch((error) => {
      const { path } = upload.record;
      log.error({ path, reason: errorMessage(error) }, 'a complete upload could not be published');
    });
  }

  return {
    expiryMs,

    async start() {
      for (const record of await files.load()) {
        const received = await files.received(record.id);
        const isPublished = received === undefined && record.verifiedSha256 !== null;
        if (received === undefined && !isPublished) {
          await files.remove(record.id);
          continue;
        }
        const claim = isPublished
          ? undefined
          : space.resume(record.sizeBytes, received?.sizeBytes ?? 0, record.path);
        const upload: Upload = { record, claim, isPublished, writers: 0, finishing: undefined };
        uploads.set(record.id, upload);
        if (!isPublished && received?.sizeBytes === record.sizeBytes) void finishLate(upload);
      }
    },

    async create({ id, sizeBytes, metadata, origin }) {
      const wanted = parseUploadMetadata(metadata);
      await store.requirePlaceable(wanted.path, wanted);
      const published = [...uploads.values()].filter(({ isPublished }) => isPublished);
      const [oldest] = published;
      if (published.length >= maxUploads && oldest !== undefined) await forget(oldest);
      if (uploads.size - published.length >= maxUploads) {
        throw new StoreError('QUOTA_EXCEEDED', `${maxUploads} uploads are under way: finish or delete some.`);
      }
      const claim = await space.claim(sizeBytes, wanted.path);
      const created = new Date(now()).toISOString();
      const record = { id, sizeBytes, ...wanted, created, origin, metadata, verifiedSha256: null };
      try {
        await files.create(record);
      } catch (error) {
        claim.release();
        throw asStoreError(error);
      }
      uploads.set(id, { record, claim, isPublished: false, writers: 0, finishing: undefined });
      log.info({ path: wanted.path, sizeBytes, ...origin }, 'an upload was begun');
    },

    async find(id) {
      const upload = uploads.get(id);
      if (upload === undefined) return undefined;
      await upload.finishing?.catch(() => {});
      const { isPublished, receivedBytes, sizeBytes } = await statusOf(upload);
      try {
        // Complete, and yet not published: the client is not to hear so before it is true.
        if (!isPublished && receivedBytes === sizeBytes && upload.writers === 0) await finish(upload);
      } catch (error) {
        if (uploads.has(id)) throw error;
      }
      return uploads.has(id) ? statusOf(upload) : undefined;
    },

    async append(id, position, content) {
      const upload = requireUpload(id);
      if (upload.isPublished) return upload.record.sizeBytes;
      upload.writers += 1;
      upload.claim?.release();
      const claim = space.resume(upload.record.sizeBytes, position, upload.record.path);
      upload.claim = claim;
      try {
        await claim.requireRoom();
        return position + (await files.write(id, position, content, claim.spend));
      } catch (error) {
        throw asStoreError(error);
      } finally {
        upload.writers -= 1;
      }
    },

    finish: (id, origin) => finish(requireUpload(id), origin),

    async remove(id, origin) {
      const upload = uploads.get(id);
      if (upload === undefined) return false;
      await upload.finishing?.catch(() => {});
      if (!uploads.has(id)) return true;
      await forget(upload);
      const { path, sizeBytes } = upload.record;
      if (!upload.isPublished) {
        note(
          { action: 'discarded', image: path, sizeBytes, ...origin, via: 'tus' },
          'an upload was discarded',
        );
      }
      return true;
    },

    async list() {
      const unpublished = [...uploads.values()].filter(({ isPublished }) => !isPublished);
      const statuses = await Promise.all(unpublished.map(statusOf));
      return statuses.sort((a, b) => Date.parse(a.created) - Date.parse(b.created));
    },

    async collectExpired() {
      let collected = 0;
      for (const upload of [...uploads.values()]) {
        const { changed, path, receivedBytes, isPublished } = await statusOf(upload);
        const isBusy = upload.writers > 0 || upload.finishing !== undefined;
        if (isBusy || now() - changed.getTime() < expiryMs) continue;
        await forget(upload);
        if (isPublished) continue;
        collected += 1;
        log.info({ path, receivedBytes }, 'an abandoned upload was removed');
      }
      return collected;
    },
  };
}
