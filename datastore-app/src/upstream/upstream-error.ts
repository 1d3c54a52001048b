// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/**
 * Why an upstream does not give what it was asked for, as a sentence that holds no secret. UNREACHABLE: it cannot be
 * spoken to (name, connection, TLS, time). DENIED: it wants another credential. NOT_FOUND: it has no such thing.
 * INVALID: what it gives is not what was asked for.
 */
export type UpstreamErrorCode = 'UNREACHABLE' | 'DENIED' | 'NOT_FOUND' | 'INVALID';
export class UpstreamError extends CodedError<UpstreamErrorCode> {}

/** Whether it says that the upstream itself could not be spoken to: then nothing else can be had of it either. */
export const isAway = ({ details }: UpstreamError): boolean => details.isAway === true;
