// SPDX-License-Identifier: Apache-2.0
import type { IncomingHttpHeaders } from 'node:http';
import { type FileVersion, modifiedAt } from '../content/file-version.ts';

/** What names one content of a file to HTTP clients (RFC 9110 §8.8). Both tags are strong. */
export interface Validators {
  /** By digest once that is known, else the stat tag. Sent as ETag. */
  readonly entityTag: string;
  /** By what the file system says of the file: known at once, and still honoured after hashing. */
  readonly statTag: string;
  /** An HTTP-date. */
  readonly lastModified: string;
}

const hex = (value: bigint | number) => value.toString(16);

/** @param sha256 64 hexadecimal digits, of exactly this version of the file; absent while hashing */
export function validatorsOf(version: FileVersion, sha256?: string): Validators {
  const { device, inode, sizeBytes, mtimeNs, ctimeNs } = version;
  const statTag = `"stat:${[device, inode, sizeBytes, mtimeNs, ctimeNs].map(hex).join('-')}"`;
  return {
    entityTag: sha256 === undefined ? statTag : `"sha256:${sha256}"`,
    statTag,
    lastModified: modifiedAt(version).toUTCString(),
  };
}

/** The value of Repr-Digest (RFC 9530 §3): the digest as a structured-field byte sequence. */
export function reprDigest(sha256: string): string {
  return `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`;
}

/** One range of bytes with at least one bound, the unit in either case (RFC 9110 §14.1). */
const SINGLE_RANGE = /^\s*bytes=\s*(\d*)-(\d*)\s*$/i;

/**
 * The Range header that is to be obeyed. Ignored, so that the whole file is the answer (RFC 9110 §14.2): any
 * other method than GET, several ranges, what is malformed, and what If-Range says is of another content.
 *
 * If-Range holds for the current tag and for the stat tag (a download begun before the hash was known resumes
 * after it), never for a date: two files can have the same, as those of reproducible builds have (§13.1.5: a
 * date counts only where it is a strong validator).
 *
 * A suffix longer than the file is cut to it (§14.1.2): range-parser 1.2, below serve-static, takes it for
 * unsatisfiable.
 *
 * @param sizeBytes of the whole file
 * @returns the header in the form `bytes=5-9`, `bytes=5-` or `bytes=-5`, or undefined
 */
export function decideRange(
  method: string,
  headers: IncomingHttpHeaders,
  validators: Validators,
  sizeBytes: number,
): string | undefined {
  if (method !== 'GET' || headers.range === undefined) return undefined;
  const [, first = '', last = ''] = SINGLE_RANGE.exec(headers.range) ?? [];
  if (first === '' && last === '') return undefined;
  if (first !== '' && last !== '' && BigInt(first) > BigInt(last)) return undefined;
  const ifRange = headers['if-range'];
  if (typeof ifRange === 'string') {
    const condition = ifRange.trim();
    if (condition !== validators.entityTag && condition !== validators.statTag) return undefined;
  }
  if (first === '' && BigInt(last) > BigInt(sizeBytes)) return `bytes=-${sizeBytes}`;
  return `bytes=${first}-${last}`;
}

/**
 * The ETag of an answer: the current one, but the stat tag for a client that goes on by it. To that client
 * another tag on a 206 or 416 says that the file was replaced (RFC 9110 §15.3.7), and it would start over.
 */
export function decideEntityTag(headers: IncomingHttpHeaders, { entityTag, statTag }: Validators): string {
  const ifRange = headers['if-range'];
  return typeof ifRange === 'string' && ifRange.trim() === statTag ? statTag : entityTag;
}

const ENTITY_TAGS = /(?:W\/)?"[^"]*"/g;

/**
 * Whether If-Match holds (RFC 9110 §13.1.1): strong comparison, so a weak tag never matches. The stat tag
 * counts as well as the digest, for the reason given at {@link decideRange}.
 */
export function isMatch(ifMatch: string, validators: Validators): boolean {
  if (ifMatch.trim() === '*') return true;
  const tags: readonly string[] = ifMatch.match(ENTITY_TAGS) ?? [];
  return tags.includes(validators.entityTag) || tags.includes(validators.statTag);
}

/** Whether If-None-Match holds (RFC 9110 §13.1.2): weak comparison. When it does not, the answer is 304. */
export function isNoneMatch(ifNoneMatch: string, entityTag: string): boolean {
  if (ifNoneMatch.trim() === '*') return false;
  const tags: readonly string[] = ifNoneMatch.match(ENTITY_TAGS) ?? [];
  return !tags.some((tag) => tag.replace(/^W\//, '') === entityTag);
}
