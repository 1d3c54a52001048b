// SPDX-License-Identifier: Apache-2.0
import type { AgentPlace } from './client.ts';
import { answerInTime, beginRequest, readDetail, refusalOf } from './client.ts';

/**
 * Asks a running service whether a configuration is in force, and was not followed by a bad one.
 *
 * @returns why it is not, as a sentence; null: it is
 * @throws AgentApiError where nobody answers, or something else; the signal's reason
 */
export async function askReadiness(place: AgentPlace, signal: AbortSignal): Promise<string | null> {
  const begun = beginRequest(place, 'GET', '/readyz', signal);
  begun.request.end();
  const response = await answerInTime(begun, signal);
  if (response.statusCode === 503) return readDetail(response);
  if (response.statusCode !== 200) throw await refusalOf(response);
  response.resume();
  return null;
}
