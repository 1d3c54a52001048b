// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** What says that two responses carry the same bytes (RFC 9110 §8.8), from one response's header fields. */
export interface Validators {
  /** A strong entity tag, quotes included; null when there is none or only a weak one. */
  readonly etag: string | null;
  /** As the server wrote it; null when absent, or when it may not tell two versions apart (§8.8.2.2). */
  readonly lastModified: string | null;
}

export type HeaderFields = Readonly<Record<string, string | readonly string[] | undefined>>;

export const validatorsSchema = z.object({
  etag: z.string().nullable(),
  lastModified: z.string().nullable(),
});

const STRONG_ETAG = /^"[\x21\x23-\x7e\x80-\xff]*"$/;
const SHA256_ETAG = /^"sha256:([0-9a-f]{64})"$/;
/** RFC 9530 §3: a dictionary of byte sequences; the member that this program can check. */
const REPR_DIGEST_SHA256 = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/;

/** The only value of a field; null when it is absent or repeated. */
export function singleValue(headers: HeaderFields, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

export function readValidators(headers: HeaderFields): Validators {
  const etag = singleValue(headers, 'etag');
  const lastModified = singleValue(headers, 'last-modified');
  const modifiedMs = Date.parse(lastModified ?? '');
  const dateMs = Date.parse(singleValue(headers, 'date') ?? '');
  return {
    etag: etag !== null && STRONG_ETAG.test(etag) ? etag : null,
    lastModified: dateMs - modifiedMs >= 1000 ? lastModified : null,
  };
}

/** What to send as `If-Range` (RFC 9110 §13.1.5); null when nothing can guard the range. */
export function ifRangeOf({ etag, lastModified }: Validators): string | null {
  return etag ?? lastModified;
}

/** Whether a response contradicts what is known of the stored bytes. */
export function isContradicted(stored: Validators, headers: HeaderFields): boolean {
  const etag = singleValue(headers, 'etag');
  if (stored.etag !== null && etag !== null) return stored.etag !== etag;
  const lastModified = singleValue(headers, 'last-modified');
  return stored.lastModified !== null && lastModified !== null && stored.lastModified !== lastModified;
}

/** The sha256 that the server itself states for the whole file, as 64 hexadecimal digits; null without. */
export function readStatedSha256(headers: HeaderFields): string | null {
  const reprDigest = REPR_DIGEST_SHA256.exec(singleValue(headers, 'repr-digest') ?? '')?.[1];
  if (reprDigest !== undefined) return Buffer.from(reprDigest, 'base64').toString('hex');
  return SHA256_ETAG.exec(singleValue(headers, 'etag') ?? '')?.[1] ?? null;
}
