// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '@local-datastore/shared/engine/engine-client';

/**
 * A refusal as an engine of containers would give it, so that whoever asks needs not know which one it is.
 *
 * @param status as HTTP has it: 404 there is none, 409 it is in the way, 422 it cannot be, 501 the host lacks it, 507 no
 *   room
 */
export const refused = (status: number, message: string, cause?: unknown): EngineError =>
  new EngineError('ENGINE_REFUSED', message, status, cause === undefined ? {} : { cause });
