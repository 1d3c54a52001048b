// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import * as z from 'zod';
import { plainIssue, problemsText } from './document-problems.ts';

const DOCUMENT = z.strictObject({
  version: z.literal(1),
  images: z
    .array(
      z.strictObject({
        from: z.string().min(1),
        who: z.union([z.string(), z.array(z.string())]).optional(),
        tags: z.array(z.string()).max(2).optional(),
        actions: z.enum(['pull', 'push']).optional(),
        insecure: z.boolean().optional(),
        url: z.string().startsWith('http', { error: 'a URL expected' }).optional(),
      }),
    )
    .default([]),
});

it.each<[string, unknown, string]>([
  ['nothing', undefined, 'it is missing'],
  ['a text', 'x', 'keys with values expected'],
  ['no version', {}, 'version: it is missing'],
  ['another version', { version: 2 }, 'version: 1 expected'],
  ['a key that is mistyped', { version: 1, imags: [] }, 'unknown key "imags": did you mean images?'],
  ['a key like none', { version: 1, x: 1 }, 'unknown key "x"; known are version, images'],
  ['no list', { version: 1, images: 'x' }, 'images: a list expected'],
  ['what is missing, in its place', { version: 1, images: [{}] }, 'images[0].from: it is missing'],
  [
    'two mistakes',
    { version: 1, images: [{ from: 1, form: 'x' }] },
    'images[0].from: a text expected; images[0]: unknown key "form": did you mean from?',
  ],
  [
    'an empty text',
    { version: 1, images: [{ from: '' }] },
    'images[0].from: a text that is not empty expected',
  ],
  [
    'a choice',
    { version: 1, images: [{ from: 'a', actions: 'pul' }] },
    'images[0].actions: pull or push expected',
  ],
  [
    'too many',
    { version: 1, images: [{ from: 'a', tags: ['1', '2', '3'] }] },
    'images[0].tags: at most 2 expected',
  ],
  [
    'no switch',
    { version: 1, images: [{ from: 'a', insecure: 'no' }] },
    'images[0].insecure: true or false expected',
  ],
  [
    'what its schema says',
    { version: 1, images: [{ from: 'a', url: 'x' }] },
    'images[0].url: a URL expected',
  ],
])('%s', (_title, document, words) => {
  const { error } = DOCUMENT.safeParse(document, { error: plainIssue });
  expect(error && problemsText(error)).toBe(words);
});

it('tells of ten mistakes at most', () => {
  const images = Array.from({ length: 12 }, () => ({}));
  const { error } = DOCUMENT.safeParse({ version: 1, images }, { error: plainIssue });
  expect(error && problemsText(error).split('; ')).toHaveLength(10);
});
