// SPDX-License-Identifier: Apache-2.0
import { createHash, timingSafeEqual } from 'node:crypto';

/** A name and a password, as EVE's `apiKey` and `password`. */
export interface ReadCredential {
  readonly user: string;
  readonly password: string;
}

const digestOf = (text: string) => createHash('sha256').update(text).digest();

/** Whether two secrets are the same, in a time that tells nothing of either. */
export function isSameSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digestOf(given), digestOf(secret));
}

interface GivenCredential {
  readonly user: string | undefined;
  readonly password: string;
}

/**
 * What an Authorization header may mean: Basic (RFC 7617), Bearer (RFC 6750), and two words as EVE sends
 * `<apiKey> <password>`. A header can mean more than one of them.
 */
export function parseAuthorization(header: string): GivenCredential[] {
  // Not by one pattern for all: on a header full of spaces it would try every way to share them out.
  const trimmed = header.trim();
  const space = trimmed.search(/\s/);
  if (space < 0) return [];
  const first = trimmed.slice(0, space);
  const rest = trimmed.slice(space).trimStart();
  const given: GivenCredential[] = [{ user: first, password: rest }];
  if (/^bearer$/i.test(first)) given.push({ user: undefined, password: rest });
  const basic = /^basic$/i.test(first) ? decodeBasic(rest) : undefined;
  if (basic !== undefined) given.push(basic);
  return given;
}

function decodeBasic(encoded: string): ReadCredential | undefined {
  const decoded = Buffer.from(encoded, 'base64').toString();
  const colon = decoded.indexOf(':');
  return colon < 0 ? undefined : { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** Name and password of an Authorization header of the scheme Basic (RFC 7617); undefined: it is of another. */
export function parseBasic(header: string): ReadCredential | undefined {
  const [, encoded] = /^basic +(\S+)$/i.exec(header.trim()) ?? [];
  return encoded === undefined ? undefined : decodeBasic(encoded);
}

/** The token of an Authorization header of the scheme Bearer (RFC 6750 §2.1); undefined: it is of another. */
export const parseBearer = (header: string): string | undefined =>
  /^bearer +(\S+)$/i.exec(header.trim())?.[1];

/** Whether a header carries the write token: as Bearer, as the password of Basic, or as EVE's second word. */
export function isWriteToken(header: string, token: string): boolean {
  return parseAuthorization(header).some(({ password }) => isSameSecret(password, token));
}

/** Whether a header carries the read credential, in one of the three forms; a Bearer token has no user. */
export function isReadCredential(header: string, { user, password }: ReadCredential): boolean {
  return parseAuthorization(header).some(
    (given) =>
      isSameSecret(given.password, password) && (given.user === undefined || isSameSecret(given.user, user)),
  );
}
