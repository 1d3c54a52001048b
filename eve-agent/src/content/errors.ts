// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/** The place that a download writes to cannot be had. Exit code 4. */
export class TargetError extends CodedError<'TARGET_BUSY' | 'TARGET_UNWRITABLE'> {}

/** The file does not fit. Exit code 6. */
export class SpaceError extends CodedError<'NO_SPACE'> {}
