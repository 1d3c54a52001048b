// SPDX-License-Identifier: Apache-2.0
import { RegistryRefusedError } from './registry-refusal.ts';

/** What a client wants to see of a list. */
export interface PageRequest {
  readonly limit: number;
  readonly last: string | undefined;
}

/** How many names are in one answer at most. */
export const MAX_PAGE = 10_000;

/**
 * Reads `n` and `last` of a query (distribution-spec, "Listing Tags").
 *
 * @returns undefined where `n` is no number
 */
export function parsePageRequest(query: URLSearchParams): PageRequest | undefined {
  const n = query.get('n');
  const last = query.get('last') || undefined;
  if (n === null || n === '') return { limit: MAX_PAGE, last };
  if (!/^[0-9]+$/.test(n)) return undefined;
  return { limit: Math.min(Number(n), MAX_PAGE), last };
}

/** {@link parsePageRequest}. @throws RegistryRefusedError where `n` is no number */
export function requirePageRequest(query: URLSearchParams): PageRequest {
  const wish = parsePageRequest(query);
  if (wish !== undefined) return wish;
  throw new RegistryRefusedError(400, 'UNSUPPORTED', '"n" must be a number of entries, 0 or more.');
}

/**
 * The Link to the page behind a name (RFC 8288).
 *
 * @param more further parameters of the query, as the client gave them
 */
export function nextLink(
  path: string,
  { limit, last }: { readonly limit: number; readonly last: string },
  more: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams({ ...more, n: String(limit), last });
  return `<${path}?${query}>; rel="next"`;
}
