// SPDX-License-Identifier: Apache-2.0
import { ifRangeOf, type Validators } from './validators.ts';

export interface RequestIntent {
  readonly userAgent: string;
  /** Null: none, or not for this origin. */
  readonly authorization: string | null;
  /** The first byte that is asked for; 0: the whole file. */
  readonly position: number;
  /** Of the response that the bytes before that came from; null when there are none. */
  readonly stored: Validators | null;
}

/** What is sent with every request for a file: never a coding, a range only under its condition (RFC 9110 §13.1.5). */
export function requestHeaders({
  userAgent,
  authorization,
  position,
  stored,
}: RequestIntent): Record<string, string> {
  const ifRange = stored === null ? null : ifRangeOf(stored);
  return {
    'user-agent': userAgent,
    accept: '*/*',
    'accept-encoding': 'identity',
    ...(authorization !== null && { authorization }),
    ...(position > 0 && { range: `bytes=${position}-` }),
    ...(position > 0 && ifRange !== null && { 'if-range': ifRange }),
  };
}
