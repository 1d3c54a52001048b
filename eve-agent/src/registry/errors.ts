// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/**
 * A registry has no image of this name, or none for this platform; gives it to others only; or has what is no image.
 * Exit code 4; of a name that is none 2.
 */
export class RegistryError extends CodedError<
  'REFERENCE_INVALID' | 'IMAGE_NOT_FOUND' | 'PLATFORM_NOT_FOUND' | 'ACCESS_DENIED' | 'MANIFEST_INVALID'
> {}
