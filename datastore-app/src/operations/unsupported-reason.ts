// SPDX-License-Identifier: Apache-2.0
import type { OperationFormat, OperationName } from './image-operations.ts';

/** Of disks and discs, which stand for themselves. */
const IS_DISK = 'It is a disk itself: export gives it as it is.';
const OF_CONTAINERS =
  'What stands in it are container images: they are pulled from its repository below archives/, or imported from it.';

const NO_EXTRACT: Readonly<Partial<Record<OperationFormat, string>>> = {
  raw: IS_DISK,
  iso: 'It is a disc itself: export gives it as it is.',
  qcow: IS_DISK,
  qcow2: IS_DISK,
  vmdk: IS_DISK,
  vhd: IS_DISK,
  vhdx: IS_DISK,
  'docker-archive': OF_CONTAINERS,
  'oci-archive': OF_CONTAINERS,
};

/** Why images of a format do not have an operation, and what does what is probably meant; as sentences. */
export function unsupportedReason(operation: OperationName, format: OperationFormat): string | undefined {
  if (operation === 'extract') return NO_EXTRACT[format];
  if (operation === 'purge' && format !== 'oci')
    return 'A file has one version, and no repository around it: remove takes it away.';
  return undefined;
}
