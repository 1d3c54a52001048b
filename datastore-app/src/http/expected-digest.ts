import type { IncomingHttpHeaders } from 'node:http';

/** Members of a structured dictionary (RFC 8941 §3.2) whose values are byte sequences. */
const SHA256_MEMBER = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:;[^,]*)?(?=,|$)/;
const SHA256_HEX = /^[0-9a-f]{64}$/i;
const DIGEST_HEADERS = ['repr-digest', 'content-digest'] as const;

/** What a client promises of the content, or what is wrong with the promise. */
export type ExpectedDigest =
  | { readonly kind: 'none' }
  | { readonly kind: 'sha256'; readonly sha256: string }
  | { readonly kind: 'invalid'; readonly detail: string };

/**
 * The sha256 of `Repr-Digest` and `Content-Digest` (RFC 9530; the same here, for nothing is compressed) and of
 * `X-Checksum-Sha256` (64 hexadecimal digits).
 */
export function parseExpectedDigest(headers: IncomingHttpHeaders): ExpectedDigest {
  const found = new Set<string>();
  for (const name of DIGEST_HEADERS) {
    const value = headers[name];
    if (typeof value !== 'string') continue;
    const [, base64] = SHA256_MEMBER.exec(value) ?? [];
    if (base64 === undefined) {
      const detail = `${name} must hold sha-256=:<base64>:, as RFC 9530 says; this datastore checks no other digest.`;
      return { kind: 'invalid', detail };
    }
    found.add(Buffer.from(base64, 'base64').toString('hex'));
  }
  const checksum = headers['x-checksum-sha256'];
  if (typeof checksum === 'string') {
    if (!SHA256_HEX.test(checksum.trim())) {
      return { kind: 'invalid', detail: 'X-Checksum-Sha256 must hold 64 hexadecimal digits.' };
    }
    found.add(checksum.trim().toLowerCase());
  }
  const [sha256, ...others] = found;
  if (sha256 === undefined) return { kind: 'none' };
  if (others.length === 0) return { kind: 'sha256', sha256 };
  return { kind: 'invalid', detail: 'The digest headers contradict each other.' };
}
