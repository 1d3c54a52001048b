// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { findBearerChallenge, formatBearerChallenge, parseChallenges } from './challenge.ts';

it.each([
  // As registries in use send it.
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"',
    [
      [
        'bearer',
        {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:library/nginx:pull',
        },
      ],
    ],
  ],
  ['Basic realm="Registry Realm"', [['basic', { realm: 'Registry Realm' }]]],
  [
    'Bearer realm="https://r/token", service="a,b", scope="repository:a/b:pull,push repository:c:pull", error="insufficient_scope"',
    [
      [
        'bearer',
        {
          realm: 'https://r/token',
          service: 'a,b',
          scope: 'repository:a/b:pull,push repository:c:pull',
          error: 'insufficient_scope',
        },
      ],
    ],
  ],
  // RFC 9110 §11.6.1: several in one field, and empty elements of the list.
  [
    'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
    [
      ['basic', { realm: 'simple' }],
      ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
    ],
  ],
  [
    ' , Basic , , Bearer REALM = "x" ,',
    [
      ['basic', {}],
      ['bearer', { realm: 'x' }],
    ],
  ],
  ['Negotiate', [['negotiate', {}]]],
  [
    'Negotiate YWJj==, Bearer realm=x',
    [
      ['negotiate', {}, 'YWJj=='],
      ['bearer', { realm: 'x' }],
    ],
  ],
  ['bearer realm=""', [['bearer', { realm: '' }]]],
  ['Bearer realm="one",realm="two"', [['bearer', { realm: 'one' }]]],
  [
    'Bearer __proto__="x",constructor=y',
    [
      [
        'bearer',
        Object.fromEntries([
          ['__proto__', 'x'],
          ['constructor', 'y'],
        ]),
      ],
    ],
  ],
  // What cannot be read.
  ['', []],
  ['  ', []],
  ['"quoted"', []],
  ['Bearer realm="never ends', [['bearer', {}, undefined]]],
] as [string, [string, Record<string, string>, string?][]][])('reads %j', (header, expected) => {
  const read = parseChallenges(header);
  expect(read.slice(0, expected.length)).toEqual(
    expected.map(([scheme, parameters, token68]) => ({
      scheme,
      parameters: Object.assign(Object.create(null), parameters),
      ...(token68 !== undefined && { token68 }),
    })),
  );
});

it.each([
  ['a header as long as it may be', ' '.repeat(16 * 1024)],
  ['commas', ','.repeat(16 * 1024)],
  ['a quoted text that never ends', `Bearer realm="${'\\"'.repeat(8000)}`],
  ['schemes', 'a,'.repeat(8000)],
  ['parameters', `Bearer ${'a=b,'.repeat(4000)}`],
  ['more than any server needs', `Bearer realm="${'x'.repeat(20_000)}"`],
])('ends with %s', (_what, header) => {
  expect(parseChallenges(header).length).toBeLessThanOrEqual(16);
});

it.each([
  ['Basic realm="a", Bearer realm="b"', { realm: 'b' }],
  ['Bearer scope="x", Bearer realm="b",error="other"', { realm: 'b' }],
  ['BEARER realm="b",service=s,error="invalid_token"', { realm: 'b', service: 's', error: 'invalid_token' }],
  ['Basic realm="a"', undefined],
  ['Bearer', undefined],
])('finds the token service in %j', (header, expected) => {
  expect(findBearerChallenge(header)).toEqual(expected);
});

it.each([
  { realm: 'http://ds.local/-/token' },
  { realm: 'http://ds.local/-/token', service: 'ds.local', scope: 'repository:a/b:pull,push' },
  { realm: 'http://[fe80::1]:8080/-/token', service: 'say "hi" \\', error: 'insufficient_scope' as const },
])('writes %j so that it is read again', (challenge) => {
  expect(findBearerChallenge(formatBearerChallenge(challenge))).toEqual(challenge);
});

it('writes no second header', () => {
  expect(() => formatBearerChallenge({ realm: 'x', scope: 'a\r\nSet-Cookie: b' })).toThrow(
    'control character',
  );
});
