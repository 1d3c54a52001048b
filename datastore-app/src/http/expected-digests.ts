// SPDX-License-Identifier: Apache-2.0
import type { IncomingHttpHeaders } from 'node:http';
import {
  type Digest,
  type DigestAlgorithm,
  digestFromHex,
  HEX_DIGITS,
} from '@local-datastore/shared/digest/digest';

/** What a client promises of the content, or what is wrong with the promise. */
export type ExpectedDigests =
  | { readonly kind: 'digests'; readonly digests: readonly Digest[] }
  | { readonly kind: 'invalid'; readonly detail: string };

/** As headers name them, in lower case without separators: `SHA-256`, `id-sha-256`, `sha` (RFC 3230). */
const ALGORITHMS: Readonly<Record<string, DigestAlgorithm>> = {
  sha256: 'sha256',
  idsha256: 'sha256',
  sha512: 'sha512',
  idsha512: 'sha512',
  sha1: 'sha1',
  sha: 'sha1',
  md5: 'md5',
};
const algorithmOf = (name: string) => ALGORITHMS[name.toLowerCase().replace(/[-_]/g, '')];

/** A value that cannot be read, as the sentence that says so. */
class UnreadableDigest extends Error {}

const KNOWN = 'this datastore checks sha-256, sha-512, sha-1 and md5';

function fromHex(header: string, algorithm: DigestAlgorithm, text: string): Digest {
  const digest = digestFromHex(algorithm, text.trim());
  if (digest !== undefined) return digest;
  throw new UnreadableDigest(`${header} must hold ${HEX_DIGITS[algorithm]} hexadecimal digits.`);
}

function fromBase64(header: string, algorithm: DigestAlgorithm, text: string): Digest {
  const digest = digestFromHex(algorithm, Buffer.from(text, 'base64').toString('hex'));
  if (digest !== undefined && /^[A-Za-z0-9+/]+={0,2}$/.test(text)) return digest;
  throw new UnreadableDigest(
    `${header} must hold ${HEX_DIGITS[algorithm] / 2} bytes of ${algorithm} in base64.`,
  );
}

/** What holds `algorithm=value, …`. Algorithms that are not known may stand beside one that is. */
function fromList(header: string, value: string, pattern: RegExp, form: string): Digest[] {
  const members = value.split(',').map((member) => pattern.exec(member.trim()));
  const digests = members.flatMap((member) => {
    const [, name = '', base64 = ''] = member ?? [];
    const algorithm = algorithmOf(name);
    return algorithm === undefined ? [] : [fromBase64(header, algorithm, base64)];
  });
  if (digests.length > 0 && members.every((member) => member !== null)) return digests;
  throw new UnreadableDigest(`${header} must hold ${form}; ${KNOWN}.`);
}

/** A dictionary of byte sequences (RFC 9530 §2, RFC 8941 §3.2). */
const STRUCTURED = /^([a-z*][\w.*-]*)=:([^:]*):(?:;.*)?$/i;
/** RFC 3230 §4.1.1. */
const INSTANCE = /^([\w-]+)=(\S+)$/;

type Reader = (header: string, value: string) => readonly Digest[];

const structured: Reader = (header, value) => fromList(header, value, STRUCTURED, 'sha-256=:<base64>:');
const instance: Reader = (header, value) => fromList(header, value, INSTANCE, 'SHA-256=<base64>');
const hexOf =
  (algorithm: DigestAlgorithm): Reader =>
  (header, value) => [fromHex(header, algorithm, value)];
const base64Of =
  (algorithm: DigestAlgorithm): Reader =>
  (header, value) => [fromBase64(header, algorithm, value.trim())];

/** Amazon's: the digest of the content, or that there is none. Streamed content would come in an envelope. */
const amazonContent: Reader = (header, value) =>
  value.trim() === 'UNSIGNED-PAYLOAD' ? [] : [fromHex(header, 'sha256', value)];

/** Every header that is understood. */
const READERS: Readonly<Record<string, Reader>> = {
  'repr-digest': structured,
  'content-digest': structured,
  digest: instance,
  'content-md5': base64Of('md5'),
  'x-checksum-sha256': hexOf('sha256'),
  'x-checksum-sha512': hexOf('sha512'),
  'x-checksum-sha1': hexOf('sha1'),
  'x-checksum-md5': hexOf('md5'),
  'x-amz-content-sha256': amazonContent,
  'x-amz-checksum-sha256': base64Of('sha256'),
  'x-amz-checksum-sha1': base64Of('sha1'),
  'x-goog-hash': instance,
};

/** What promises something of the content by its name, and is not understood. `Want-…` asks for an answer's. */
const PROMISE = /^(?!want-)(?:.*-)?(?:digest|checksum|content-md5)(?:-.*)?$/;
/** Which algorithm Amazon's clients have used; the value stands in another header, or in the trailer. */
const NO_PROMISES = new Set(['x-amz-sdk-checksum-algorithm', 'x-amz-checksum-mode', 'x-amz-checksum-type']);

/**
 * Everything that the headers of a request promise of its content, all of which must hold: `Repr-Digest` and
 * `Content-Digest` (RFC 9530; the same here, for nothing is compressed), `Digest` (RFC 3230), `Content-MD5`
 * (RFC 1864), `X-Checksum-*`, and what object stores' clients send. A promise that cannot be checked is invalid:
 * who makes it relies on it.
 */
export function parseExpectedDigests(headers: IncomingHttpHeaders): ExpectedDigests {
  const digests = new Map<DigestAlgorithm, string>();
  try {
    for (const [name, given] of Object.entries(headers)) {
      if (given === undefined || NO_PROMISES.has(name)) continue;
      const value = [given].flat().join(', ');
      const read = READERS[name];
      const isInTrailer =
        (name === 'trailer' || name === 'x-amz-trailer') && /digest|checksum|md5/i.test(value);
      if (isInTrailer || (read === undefined && PROMISE.test(name))) {
        const advice = `send it ahead as Repr-Digest or X-Checksum-Sha256; ${KNOWN}`;
        throw new UnreadableDigest(
          `${isInTrailer ? 'A digest in the trailer' : name} is not understood: ${advice}.`,
        );
      }
      for (const { algorithm, hex } of read?.(name, value) ?? []) {
        if ((digests.get(algorithm) ?? hex) !== hex) {
          throw new UnreadableDigest('The digest headers contradict each other.');
        }
        digests.set(algorithm, hex);
      }
    }
  } catch (error) {
    if (error instanceof UnreadableDigest) return { kind: 'invalid', detail: error.message };
    throw error;
  }
  return { kind: 'digests', digests: [...digests].map(([algorithm, hex]) => ({ algorithm, hex })) };
}
