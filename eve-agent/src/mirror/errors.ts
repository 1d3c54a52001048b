// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/** NOT_MIRRORED: nobody is asked for such a name; BUSY: so much is under way that nothing more is begun. */
export class MirrorError extends CodedError<'NOT_MIRRORED' | 'BUSY'> {}
