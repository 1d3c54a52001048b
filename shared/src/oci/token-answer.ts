// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** What a token service answers; both names are in use, `access_token` is OAuth's (RFC 6749 §5.1). */
const ANSWER = z.object({ token: z.string().optional(), access_token: z.string().optional() });
/** What fits into a header of any server. */
const TOKEN = /^[\x21-\x7e]{1,16384}$/;
export const MAX_TOKEN_ANSWER_BYTES = 64 * 1024;

/** The token in the answer of a token service. @returns null where there is none */
export function readToken(body: string): string | null {
  try {
    const { token, access_token } = ANSWER.parse(JSON.parse(body));
    const text = token || access_token || '';
    return TOKEN.test(text) ? text : null;
  } catch {
    return null;
  }
}
