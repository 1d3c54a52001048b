import type { HeaderFields } from '../download/validators.ts';
import type { Evidence } from './evidence.ts';
import type { Exchange } from './observations.ts';

export type Answered = Extract<Exchange, { kind: 'answered' }>;

/** The answer to the request for the whole file, when it was the file. */
export function fileAnswer({ whole }: Pick<Evidence, 'whole'>): Answered | null {
  return whole?.kind === 'answered' && whole.statusCode === 200 ? whole : null;
}

/** The answer to the request for a later part; null: not asked, or not answered. */
export function partAnswer({ part }: Pick<Evidence, 'part'>): Answered | null {
  return part?.kind === 'answered' ? part : null;
}

/** The codings of a body, as the server names them; null: none. */
export function compressionOf(headers: HeaderFields): string | null {
  const encoding = [headers['content-encoding'] ?? []].flat().join(', ');
  return /^(?:identity)?$/i.test(encoding) ? null : encoding;
}
