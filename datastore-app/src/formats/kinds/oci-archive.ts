// SPDX-License-Identifier: Apache-2.0
import { describeContainerArchive } from '../container/describe-container-archive.ts';
import { listArchivedImages } from '../container/list-archived-images.ts';
import { validateContainerArchive } from '../container/validate-container-archive.ts';
import type { FileFormat } from '../file-format.ts';

/** An OCI image layout in a tar. */
export const ociArchive: FileFormat = {
  name: 'oci-archive',
  stage: 'archive',
  describe: describeContainerArchive('oci-archive'),
  validate: validateContainerArchive,
  members: listArchivedImages,
};
