// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';
import type { HeaderFields } from './validators.ts';

/**
 * What is done to bytes under a name that a server may send (IANA's HTTP Content Coding Registry, and what is in use
 * beside it). Whatever else stands in the field (`none`, `utf-8`, `binary`, `aws-chunked` …) changes no byte.
 */
const CODINGS = new Set([
  ...['aes128gcm', 'br', 'compress', 'dcb', 'dcz', 'deflate', 'exi', 'gzip', 'pack200-gzip', 'zstd'],
  ...['bzip', 'bzip2', 'lz4', 'lzma', 'sdch', 'snappy', 'xz', 'zip', 'zlib'],
]);

/** Suffixes of files that are of a coding by themselves, as Apache's `AddEncoding` has them. */
const CODING_OF_SUFFIX: Readonly<Record<string, string>> = {
  ...{ gz: 'gzip', tgz: 'gzip', z: 'compress', br: 'br', zst: 'zstd', tzst: 'zstd' },
  ...{ bz2: 'bzip2', tbz2: 'bzip2', xz: 'xz', txz: 'xz', lz4: 'lz4', lzma: 'lzma' },
};

/** The members of the field, of all its lines (RFC 9110 §5.3), small, and without the `x-` of old names (§8.4.1). */
function codingsOf(headers: HeaderFields): string[] {
  const field = [headers['content-encoding'] ?? []].flat().join(',');
  return field.split(',').map((member) => member.trim().toLowerCase().replace(/^x-/, ''));
}

/**
 * What a response says of its coding, fit to be shown: what may be the reason when its bytes are not those that were
 * wanted. Null: nothing, or that there is none.
 */
export function statedCoding(headers: HeaderFields): string | null {
  const isNone = codingsOf(headers).every((coding) => coding === '' || coding === 'identity');
  return isNone ? null : printableText([headers['content-encoding'] ?? []].flat().join(', '));
}

/** What is added to the message about bytes that are not those that were wanted. */
export function codingHint(coding: string | null): string {
  return coding === null ? '' : `; it came with Content-Encoding: ${coding}, which is a likely cause`;
}

/**
 * Whether what arrives would have to be decoded to be the file of this URL (RFC 9110 §8.4). A `disk.img.gz` that is
 * labelled gzip is just itself.
 */
export function mustBeDecoded(headers: HeaderFields, url: string): boolean {
  const codings = codingsOf(headers).filter((coding) => CODINGS.has(coding));
  const suffix = /\.([a-z0-9]+)$/i.exec(url)?.[1]?.toLowerCase() ?? '';
  const isItself = codings.length === 1 && codings[0] === CODING_OF_SUFFIX[suffix];
  return codings.length > 0 && !isItself;
}
