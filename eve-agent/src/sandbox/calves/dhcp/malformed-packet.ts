// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';

/** A packet that is not what it claims to be. Nothing of it is used. */
export class MalformedPacketError extends CodedError<'MALFORMED_PACKET'> {
  constructor(message: string) {
    super('MALFORMED_PACKET', message);
  }
}

/** @throws MalformedPacketError with the reason, where a condition of the format does not hold */
export function requireForm(holds: boolean, reason: string): asserts holds {
  if (!holds) throw new MalformedPacketError(reason);
}
