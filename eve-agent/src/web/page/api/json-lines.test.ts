// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createLineParser } from './json-lines.ts';
import { offerOf } from './offer.ts';

it.each<[string, string[], unknown[]]>([
  ['whole lines', ['{"a":1}\n{"a":2}\n'], [{ a: 1 }, { a: 2 }]],
  ['lines in pieces', ['{"a"', ':1', '}\n{'], [{ a: 1 }]],
  ['empty lines', ['\n\n1\n'], [1]],
  ['nothing whole', ['{"a":1}'], []],
])('reads %s', (_what, pieces, values) => {
  const parse = createLineParser();
  expect(pieces.flatMap(parse)).toEqual(values);
});

it('takes no line without an end, and none that is no JSON', () => {
  expect(() => createLineParser()('x'.repeat(2 * 1024 * 1024))).toThrow('too long');
  expect(() => createLineParser()('no\n')).toThrow(SyntaxError);
});

it.each([
  [['/v1/status', '/v1/deployments'], { hasStatus: true, hasDeployments: true }],
  [['/v1/status'], { hasStatus: true, hasDeployments: false }],
  [['/v1/deployments'], { hasStatus: false, hasDeployments: true }],
])('knows by %j what there is', (paths, offer) => {
  const description = { info: { version: '1' }, paths: Object.fromEntries(paths.map((path) => [path, {}])) };
  expect(offerOf(description)).toEqual({ version: '1', ...offer });
});
