import { createHash, timingSafeEqual } from 'node:crypto';

/** A name and a password, as EVE's `apiKey` and `password`. */
export interface ReadCredential {
  readonly user: string;
  readonly password: string;
}

const digestOf = (text: string) => createHash('sha256').update(text).digest();

/** Whether two secrets are the same, in a time that tells nothing of either. */
function isSameSecret(given: string, secret: string): boolean {
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
  if (/^basic$/i.test(first)) {
    const decoded = Buffer.from(rest, 'base64').toString();
    const colon = decoded.indexOf(':');
    if (colon >= 0) given.push({ user: decoded.slice(0, colon), password: decoded.slice(colon + 1) });
  }
  return given;
}

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
