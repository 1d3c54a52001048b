// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** Tells which repositories are meant. */
export type MatchesRepository = (repository: string) => boolean;

/** Each `**` multiplies the ways in which a long name can be tried. */
const MAX_WILDCARDS = 8;
const MAX_LENGTH = 255;
const CHARACTERS = /^[a-z0-9*._/-]+$/;

/**
 * What a pattern matches: `*` stands within a part between slashes, `**` for any number of them; `a/**` is what lies
 * below `a`, and `**` between two parts may stand for nothing.
 */
export function wildcardExpression(pattern: string): RegExp {
  const parts = pattern.split('/');
  const text = parts.map((part, index) => {
    const isLast = index === parts.length - 1;
    if (part === '**') return isLast ? '.+' : '(?:[^/]+/)*';
    const one = part.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
    return isLast ? one : `${one}/`;
  });
  return new RegExp(`^${text.join('')}$`, 'u');
}

/** Why the asterisks of a pattern are not taken; undefined: they are. */
export function whyWrongWildcards(pattern: string): string | undefined {
  if (pattern.split('/').some((part) => part === '' || (part.includes('**') && part !== '**'))) {
    return '** stands between slashes, and none is empty';
  }
  if (pattern.split('*').length - 1 > MAX_WILDCARDS) return `at most ${MAX_WILDCARDS} asterisks expected`;
  return undefined;
}

const whyWrong = (pattern: string): string | undefined => {
  if (pattern === '' || pattern.length > MAX_LENGTH) return `1 to ${MAX_LENGTH} characters expected`;
  if (/[A-Z]/.test(pattern)) return `repository names are lower case: "${pattern.toLowerCase()}"?`;
  if (!CHARACTERS.test(pattern)) return 'a repository expected, with * and ** as wildcards';
  const why = whyWrongWildcards(pattern);
  if (why !== undefined) return `a repository expected: ${why}`;
  return undefined;
};

/** A pattern of repositories, such as `lab/**`: `*` stands within a component of the name, `**` for any of them. */
export const repositoryPattern = () =>
  z
    .string()
    .check((context) => {
      const why = whyWrong(context.value);
      if (why !== undefined) context.issues.push({ code: 'custom', input: context.value, message: why });
    })
    .transform((pattern): MatchesRepository => {
      const expression = wildcardExpression(pattern);
      return (repository) => expression.test(repository);
    });
