// SPDX-License-Identifier: Apache-2.0
import { describeContainerArchive } from '../container/describe-container-archive.ts';
import { listArchivedImages } from '../container/list-archived-images.ts';
import { validateContainerArchive } from '../container/validate-container-archive.ts';
import type { FileFormat } from '../file-format.ts';

/** What `docker save` writes. */
export const dockerArchive: FileFormat = {
  name: 'docker-archive',
  stage: 'archive',
  describe: describeContainerArchive('docker-archive'),
  validate: validateContainerArchive,
  members: listArchivedImages,
};
