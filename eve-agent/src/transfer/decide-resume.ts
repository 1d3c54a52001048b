import type { StoredRecord } from './target.ts';
import { ifRangeOf } from './validators.ts';

/**
 * Whether bytes that an earlier run left belong to what is wanted now: the same digest was asked for, or the
 * same URL and either a validator or a digest will tell if the file has changed since.
 */
export function isResumable(
  record: StoredRecord,
  wanted: { readonly url: string; readonly sha256: string | null },
): boolean {
  if (record.sha256 !== null && wanted.sha256 !== null) return record.sha256 === wanted.sha256;
  return record.url === wanted.url && (ifRangeOf(record.validators) !== null || wanted.sha256 !== null);
}
