// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import type { Judgement } from './judge-failure.ts';
import type { Source } from './source.ts';

/** RFC 9110 §15.5.2 and §15.5.4: who asks is not known, or not known as somebody who may. */
const REFUSALS: ReadonlySet<unknown> = new Set([401, 403]);

/**
 * Names the reason of a refusal that nobody could guess: the credential is there, but its controller encrypted it
 * for the device (`cipherData`), and this agent has no part in that.
 */
export function explainRefusal(judgement: Judgement, error: unknown, { hasCipherData }: Source): Judgement {
  const isRefusal =
    error instanceof CodedError &&
    (error.code === 'ACCESS_DENIED' ||
      (error.code === 'HTTP_STATUS' && REFUSALS.has(error.details.statusCode)));
  if (!hasCipherData || !isRefusal) return judgement;
  const why =
    'its credential stands in cipherData, encrypted for the device: this agent cannot decrypt it; give apiKey and password';
  return { ...judgement, message: `${judgement.message}: ${why}` };
}
