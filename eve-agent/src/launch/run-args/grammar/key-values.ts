// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';

/** What stands before and behind the first separator; null where there is none. */
export function cut(text: string, separator: string): readonly [string, string] | null {
  const at = text.indexOf(separator);
  return at === -1 ? null : [text.slice(0, at), text.slice(at + separator.length)];
}

/** `NAME=VALUE`; without `=` the value is empty. @throws ValueError where there is no name */
export function parseKeyValue(text: string): readonly [string, string] {
  const [key, value] = cut(text, '=') ?? [text, ''];
  if (key === '') throw new ValueError('a name is missing before the =');
  return [key, value];
}

/** `NAME=VALUE`, both there; the value may be empty. @throws ValueError */
export function requireKeyValue(text: string): readonly [string, string] {
  if (!text.includes('=')) throw new ValueError('NAME=VALUE is expected');
  return parseKeyValue(text);
}

/** A label of `--label` or of a file: its name has no blanks. @throws ValueError */
export function parseLabel(text: string): readonly [string, string] {
  const [key, value] = parseKeyValue(text);
  if (/\s/.test(key)) throw new ValueError('the name of a label has no blanks');
  return [key, value];
}

/**
 * The fields of one line of comma-separated values (RFC 4180), as Go's `encoding/csv` reads them: a field in quotes may
 * hold commas and doubled quotes; a quote within a field without quotes is none.
 *
 * @throws ValueError
 */
export function parseCsvLine(text: string): string[] {
  if (/[\r\n]/.test(text)) throw new ValueError('it has several lines');
  if (text === '') throw new ValueError('it is empty');
  const fields: string[] = [];
  let rest: string | null = text;
  while (rest !== null) {
    const match: RegExpExecArray | null = /^(?:"((?:[^"]|"")*)"|([^",]*))(?:,(.*))?$/s.exec(rest);
    const [, quoted, plain = '', more] = match ?? [];
    if (match === null) throw new ValueError('a quote stands where none may');
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    rest = more ?? null;
  }
  return fields;
}
