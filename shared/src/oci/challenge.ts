// SPDX-License-Identifier: Apache-2.0
/** One way to authenticate that a server offers (RFC 9110 §11.3). */
export interface Challenge {
  /** In lower case, such as `bearer`. */
  readonly scheme: string;
  /** By their names in lower case; of two with one name the first. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What some schemes have in the place of parameters. */
  readonly token68?: string;
}

/** What a registry sends a client with that it refuses for want of a token (RFC 6750 §3, and Docker's use of it). */
export interface BearerChallenge {
  /** The URL of the token service. */
  readonly realm: string;
  readonly service?: string | undefined;
  /** As `repository:name:pull,push`; several are separated by a space. */
  readonly scope?: string | undefined;
  readonly error?: (typeof BEARER_ERRORS)[number] | undefined;
}

/** No server needs more, and a head is longer than that only where somebody means harm. */
const MAX_HEADER_LENGTH = 16 * 1024;
const MAX_CHALLENGES = 16;
const MAX_PARAMETERS = 32;

/** RFC 6750 §3.1. */
const BEARER_ERRORS = ['invalid_token', 'insufficient_scope', 'invalid_request'] as const;

const TOKEN = /[!#$%&'*+.^_`|~\w-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const SPACE = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;
const EQUALS = /[ \t]*=[ \t]*/y;

/** Reads a text from its beginning, one pattern after the other. */
function createReader(text: string) {
  let position = 0;
  return {
    /** @returns what the pattern matches here, and goes behind it; undefined: it does not, and nothing is read */
    take(pattern: RegExp): RegExpExecArray | undefined {
      pattern.lastIndex = position;
      const match = pattern.exec(text);
      if (match === null) return undefined;
      position = pattern.lastIndex;
      return match;
    },
    isAtEnd: () => position >= text.length,
    position: () => position,
    goTo(earlier: number): void {
      position = earlier;
    },
  };
}
type Reader = ReturnType<typeof createReader>;

/** @returns undefined, and nothing is read, where no parameter stands */
function takeParameter(reader: Reader): readonly [string, string] | undefined {
  const start = reader.position();
  const name = reader.take(TOKEN)?.[0];
  if (name !== undefined && reader.take(EQUALS) !== undefined) {
    const quoted = reader.take(QUOTED)?.[1]?.replace(/\\(.)/g, '$1');
    const value = quoted ?? reader.take(TOKEN)?.[0];
    if (value !== undefined) return [name.toLowerCase(), value];
  }
  reader.goTo(start);
  return undefined;
}

function takeParameters(reader: Reader): Record<string, string> {
  const parameters: Record<string, string> = Object.create(null);
  for (let count = 0; count < MAX_PARAMETERS; count += 1) {
    const start = reader.position();
    reader.take(SEPARATORS);
    const parameter = takeParameter(reader);
    if (parameter === undefined) {
      reader.goTo(start);
      break;
    }
    parameters[parameter[0]] ??= parameter[1];
  }
  return parameters;
}

/**
 * The challenges of a `WWW-Authenticate` header (RFC 9110 §11.6.1), in their order. Several headers may be joined by
 * commas first. What cannot be read, and all behind it, is left out.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  if (header.length > MAX_HEADER_LENGTH) return challenges;
  const reader = createReader(header);
  while (challenges.length < MAX_CHALLENGES) {
    reader.take(SEPARATORS);
    const scheme = reader.take(TOKEN)?.[0]?.toLowerCase();
    if (scheme === undefined) break;
    reader.take(SPACE);
    const behindScheme = reader.position();
    const parameters = takeParameters(reader);
    if (Object.keys(parameters).length > 0 || reader.isAtEnd()) {
      challenges.push({ scheme, parameters });
      continue;
    }
    reader.goTo(behindScheme);
    const token68 = reader.take(TOKEN68)?.[0];
    challenges.push({ scheme, parameters, ...(token68 !== undefined && { token68 }) });
  }
  return challenges;
}

/** The first Bearer challenge of a `WWW-Authenticate` header that names a token service; undefined: there is none. */
export function findBearerChallenge(header: string): BearerChallenge | undefined {
  for (const { scheme, parameters } of parseChallenges(header)) {
    const { realm, service, scope, error } = parameters;
    if (scheme !== 'bearer' || realm === undefined) continue;
    return {
      realm,
      service,
      scope,
      error: BEARER_ERRORS.find((each) => each === error),
    };
  }
  return undefined;
}

const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;

/**
 * The value of `WWW-Authenticate` that sends a client to the token service.
 *
 * @throws Error for a control character in any part: it would begin another header
 */
export function formatBearerChallenge({ realm, service, scope, error }: BearerChallenge): string {
  const parameters = Object.entries({ realm, service, scope, error }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${quote(value)}`],
  );
  const text = `Bearer ${parameters.join(',')}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new Error('a challenge holds a control character');
  return text;
}
