import type { Readable } from 'node:stream';
import { DataStore, ERRORS, Upload } from '@tus/server';
import type { Uploads } from '../../uploads/uploads.ts';
import { emptyContentError } from '../upload-content.ts';

/** What @tus/server asks of a place for uploads. */
export class TusStore extends DataStore {
  override extensions = ['creation', 'creation-with-upload', 'expiration', 'termination'];
  readonly #uploads: Uploads;

  constructor(uploads: Uploads) {
    super();
    this.#uploads = uploads;
  }

  override async create(upload: Upload): Promise<Upload> {
    const { id, size, metadata = {} } = upload;
    if (size === undefined) throw ERRORS.INVALID_LENGTH;
    if (size === 0 && metadata.empty !== 'true') throw emptyContentError('Upload-Metadata says empty "true"');
    await this.#uploads.create({ id, sizeBytes: size, metadata });
    return upload;
  }

  override async write(content: Readable, id: string, offset: number): Promise<number> {
    return this.#uploads.append(id, offset, content);
  }

  override async getUpload(id: string): Promise<Upload> {
    const status = await this.#uploads.find(id);
    if (status === undefined) throw ERRORS.FILE_NOT_FOUND;
    return new Upload({
      id,
      size: status.sizeBytes,
      offset: status.receivedBytes,
      metadata: { ...status.metadata },
      // @tus/server counts the expiry from here; an upload that goes on is not to expire.
      creation_date: status.changed.toISOString(),
    });
  }

  override async remove(id: string): Promise<void> {
    if (!(await this.#uploads.remove(id))) throw ERRORS.FILE_NOT_FOUND;
  }

  override getExpiration(): number {
    return this.#uploads.expiryMs;
  }
}
