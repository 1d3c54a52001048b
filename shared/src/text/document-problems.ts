// SPDX-License-Identifier: Apache-2.0
/** What is wrong with a document that a person wrote, in plain words: where its schema says nothing itself. */
import type * as z from 'zod';
import { closestTo } from './edit-distance.ts';

/** As in `unknown key "hostname": did you mean host-name?`; without one that is near: those that are known. */
export function unknownKey(key: string, known: readonly string[]): string {
  const meant = closestTo(key, known);
  return `unknown key "${key}"${meant === undefined ? `; known are ${known.join(', ')}` : `: did you mean ${meant}?`}`;
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'keys with values',
  record: 'keys with values',
};

function knownKeys(schema: unknown): string[] {
  const { shape } = (schema as z.ZodObject | undefined)?._zod?.def ?? {};
  return Object.keys(shape ?? {});
}

/** For `safeParse(document, { error: plainIssue })`. @returns undefined: the library's own words */
export const plainIssue: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'it is missing'
        : `${KINDS[issue.expected] ?? issue.expected} expected`;
    case 'invalid_value':
      return issue.input === undefined
        ? 'it is missing'
        : `${issue.values.map(String).join(' or ')} expected`;
    case 'invalid_union':
      return issue.input === undefined ? 'it is missing' : undefined;
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, knownKeys(issue.inst))).join('; ');
    case 'too_big':
      return issue.origin === 'array' ? `at most ${issue.maximum} expected` : undefined;
    case 'too_small':
      return issue.origin === 'string' && issue.minimum === 1
        ? 'a text that is not empty expected'
        : undefined;
    default:
      return undefined;
  }
};

/** At most so many are told of one document. */
const MAX_TOLD = 10;

/** As in `grants[1].who`; empty for the document itself. */
const placeText = (path: readonly PropertyKey[]) =>
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');

/** The first ten mistakes, each with its place, as one line; no value is in it but what the schema's words have. */
export const problemsText = ({ issues }: z.ZodError): string =>
  issues
    .slice(0, MAX_TOLD)
    .map(({ path, message }) => (path.length === 0 ? message : `${placeText(path)}: ${message}`))
    .join('; ');
