// SPDX-License-Identifier: Apache-2.0
/** One attribute of a distinguished name. */
export interface NameAttribute {
  /** In upper case, such as `CN`, or an object identifier. */
  readonly type: string;
  readonly value: string;
}

export type AlternativeNameKind = 'DNS' | 'IP' | 'EMAIL' | 'URI';

export interface AlternativeName {
  readonly kind: AlternativeNameKind;
  readonly value: string;
}

/** Who a certificate says that its owner is. */
export interface ClientIdentity {
  readonly subject: readonly NameAttribute[];
  readonly alternativeNames: readonly AlternativeName[];
  /** Of the certificate: 64 hexadecimal digits in lower case. */
  readonly sha256: string;
}

/** RFC 4514 §3 and what openssl prints beyond it. */
const OBJECT_IDENTIFIERS: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'SERIALNUMBER',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'TITLE',
  '2.5.4.42': 'GN',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'EMAILADDRESS',
};
const TYPE = /^(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)$/;

/** The short name of a type of attribute, or its object identifier. */
export const attributeType = (oid: string): string => OBJECT_IDENTIFIERS[oid] ?? oid;

/** Reads on to an unescaped separator. RFC 4514 §3: `\,` and `\2C`, bytes of UTF-8. */
function readValue(text: string, from: number): { readonly value: string; readonly end: number } {
  const bytes: Buffer[] = [];
  let blanks = 0;
  let at = from;
  for (; at < text.length; at += 1) {
    const [character = ''] = text.slice(at);
    if (character === ',' || character === '+') break;
    const escaped = /^\\(?:([0-9a-fA-F]{2})|(.))/s.exec(text.slice(at));
    if (character === '\\' && escaped === null) throw new RangeError('a backslash stands at its end');
    if (escaped !== null) {
      const [whole, hex, other = ''] = escaped;
      bytes.push(hex === undefined ? Buffer.from(other) : Buffer.from(hex, 'hex'));
      at += whole.length - 1;
      blanks = 0;
    } else {
      const [point = ''] = Array.from(text.slice(at, at + 2));
      bytes.push(Buffer.from(point));
      at += point.length - 1;
      blanks = character === ' ' ? blanks + 1 : 0;
    }
  }
  const value = bytes.slice(0, bytes.length - blanks);
  return { value: Buffer.concat(value).toString(), end: at };
}

/**
 * Reads a distinguished name as RFC 4514 writes it, and as openssl prints it: `CN=ci,O=Acme` and `CN = ci, O = Acme`.
 *
 * @throws RangeError: one clause, in which "it" is the text
 */
export function parseDistinguishedName(text: string): NameAttribute[] {
  const attributes: NameAttribute[] = [];
  for (let at = 0; at <= text.length; ) {
    const equals = text.indexOf('=', at);
    const type = text.slice(at, equals === -1 ? text.length : equals).trim();
    if (equals === -1 || !TYPE.test(type))
      throw new RangeError('it is no name such as "CN=ci" or "CN=ci,O=Acme"');
    const from = equals + 1 + (/^ */.exec(text.slice(equals + 1))?.[0].length ?? 0);
    const { value, end } = readValue(text, from);
    if (value === '') throw new RangeError(`its ${type} is empty`);
    const known = /^\d/.test(type) ? attributeType(type) : type.toUpperCase();
    attributes.push({ type: known, value });
    if (end >= text.length) break;
    at = end + 1;
  }
  return attributes;
}

/** Escapes what has a meaning in a name (RFC 4514 §2.4), and what would act in a log. */
const escapeValue = (value: string) =>
  value
    .replace(/[\\,+"<>;=]|^[ #]| $/g, (character) => `\\${character}`)
    .replace(/\p{Cc}/gu, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** A distinguished name as RFC 4514 writes it, its attributes in the order of the certificate. */
export const distinguishedNameText = (attributes: readonly NameAttribute[]): string =>
  attributes.map(({ type, value }) => `${type}=${escapeValue(value)}`).join(',');

const keyOf = ({ type, value }: NameAttribute) => JSON.stringify([type, value]);

/**
 * Whether two names are the same: of the same attributes, none more, in whatever order, since RFC 4514 and openssl
 * write them the other way round.
 */
export function isSameName(one: readonly NameAttribute[], other: readonly NameAttribute[]): boolean {
  const [left, right] = [one.map(keyOf).sort(), other.map(keyOf).sort()];
  return left.length === right.length && left.every((key, index) => key === right[index]);
}

const KINDS: readonly AlternativeNameKind[] = ['DNS', 'IP', 'EMAIL', 'URI'];

/**
 * Reads an alternative name as openssl writes it, `DNS:ci.example`, `IP:10.0.0.1`, `email:ci@example`, `URI:…`; without
 * a kind it is a DNS name.
 */
export function parseAlternativeName(text: string): AlternativeName {
  const [prefix = '', ...rest] = text.split(':');
  const kind = KINDS.find((each) => each === prefix.trim().toUpperCase());
  const name: AlternativeName =
    kind === undefined || rest.length === 0
      ? { kind: 'DNS', value: text.trim() }
      : { kind, value: rest.join(':').trim() };
  if (name.value === '') throw new RangeError('it names nobody');
  return name;
}

/** RFC 4343: names of hosts differ by more than their case; RFC 5280 §7.5: those of mailboxes by their case, too. */
export const isSameAlternativeName = (one: AlternativeName, other: AlternativeName): boolean =>
  one.kind === other.kind &&
  (one.kind === 'DNS' ? one.value.toLowerCase() === other.value.toLowerCase() : one.value === other.value);
