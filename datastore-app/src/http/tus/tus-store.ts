// SPDX-License-Identifier: Apache-2.0
import type { Readable } from 'node:stream';
import { DataStore, ERRORS, Upload } from '@tus/server';
import type { ChangeOrigin } from '../../changes/change.ts';
import type { Uploads } from '../../uploads/uploads.ts';
import { emptyContentError } from '../upload-content.ts';

/** What @tus/server asks of a place for uploads. */
export class TusStore extends DataStore {
  override extensions = ['creation', 'creation-with-upload', 'expiration', 'termination'];
  readonly #uploads: Uploads;
  readonly #origin: () => ChangeOrigin;

  /** @param origin of the request that is being answered */
  constructor(uploads: Uploads, origin: () => ChangeOrigin) {
    super();
    this.#uploads = uploads;
    this.#origin = origin;
  }

  override async create(upload: Upload): Promise<Upload> {
    const { id, size, metadata = {} } = upload;
    if (size === undefined) throw ERRORS.INVALID_LENGTH;
    if (size === 0 && metadata.empty !== 'true') throw emptyContentError('Upload-Metadata says empty "true"');
    await this.#uploads.create({ id, sizeBytes: size, metadata, origin: this.#origin() });
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
    if (!(await this.#uploads.remove(id, this.#origin()))) throw ERRORS.FILE_NOT_FOUND;
  }

  override getExpiration(): number {
    return this.#uploads.expiryMs;
  }
}
