// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { StoredRecord } from './target.ts';
import { ifRangeOf } from './validators.ts';

/**
 * Whether bytes that an earlier run left belong to what is wanted now: the same digest was asked for, or the
 * same URL and either a validator or a digest will tell if the file has changed since.
 */
export function isResumable(
  record: StoredRecord,
  wanted: { readonly url: string; readonly digest: OciDigest | null },
): boolean {
  if (record.digest !== null && wanted.digest !== null)
    return formatDigest(record.digest) === formatDigest(wanted.digest);
  return record.url === wanted.url && (ifRangeOf(record.validators) !== null || wanted.digest !== null);
}
