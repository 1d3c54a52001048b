// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** What an engine says while it loads, one document a line; other members are passed over. */
const LINE = z.object({
  stream: z.string().nullish(),
  status: z.string().nullish(),
  error: z.string().nullish(),
  errorDetail: z.object({ message: z.string().nullish() }).nullish(),
});

/** Engines whose store is containerd's (28.5) say so as if it were progress, and keep the image that nobody can run. */
const UNPACKING = /^Error unpacking image .*/s;
const MAX_LINE_LENGTH = 64 * 1024;
const MAX_SAID_LENGTH = 2000;

export interface LoadAnswer {
  /** undefined: it told of none. The status of HTTP says nothing: it was sent before. */
  readonly failure: string | undefined;
}

function failureOf(line: string): string | undefined {
  if (line.trim() === '') return undefined;
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch {
    return undefined;
  }
  const said = LINE.safeParse(document).data;
  const failure = said?.errorDetail?.message ?? said?.error ?? said?.stream?.match(UNPACKING)?.[0];
  return failure?.trim().slice(0, MAX_SAID_LENGTH) || undefined;
}

/**
 * Reads what an engine answers to an image that it is sent, to its end. It says 200 first, and what failed later.
 *
 * @throws what `body` throws
 */
export async function readLoadAnswer(body: AsyncIterable<Uint8Array>): Promise<LoadAnswer> {
  const decoder = new TextDecoder();
  let rest = '';
  let failure: string | undefined;
  for await (const piece of body) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_LENGTH) rest = '';
    for (const line of lines) failure ??= failureOf(line);
  }
  return { failure: failure ?? failureOf(rest) };
}
