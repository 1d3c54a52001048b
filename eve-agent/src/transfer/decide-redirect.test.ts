// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { decideRedirect, isSameOrigin, type RedirectFacts } from './decide-redirect.ts';

const local: RedirectFacts = {
  asked: new URL('http://ds.local/a.img'),
  origin: {
    url: new URL('http://ds.local/a.img'),
    address: '10.1.0.5',
    sourceAddress: '10.1.0.1',
    bridgeName: 'bn1',
  },
  localName: 'ds.local',
  followed: 0,
  needsTls: false,
  isDigestKnown: true,
  allowsInternal: false,
};
const at = (url: string): Partial<RedirectFacts> => ({
  asked: new URL(url),
  origin: { url: new URL(url), address: null, sourceAddress: null, bridgeName: null },
  localName: null,
});
const far = at('http://far.example/a.img');
const secure = { origin: { ...local.origin, url: new URL('https://ds.local/a.img') } };

describe('a redirect is followed', () => {
  test.each<[string, Partial<RedirectFacts>, string, string]>([
    ['to a path', {}, '/b.img', 'http://ds.local/b.img'],
    ['to a relative path', {}, 'b/c.img?x=1', 'http://ds.local/b/c.img?x=1'],
    ['to its name', {}, 'http://ds.local/b.img', 'http://ds.local/b.img'],
    ['to its name in another case', {}, 'http://DS.LOCAL/b.img', 'http://ds.local/b.img'],
    ['to its name with a final dot', {}, 'http://ds.local./b.img', 'http://ds.local./b.img'],
    ['to its address', {}, 'http://10.1.0.5/b.img', 'http://10.1.0.5/b.img'],
    ['to another port', {}, 'http://ds.local:8080/', 'http://ds.local:8080/'],
    ['to https', {}, 'https://ds.local/', 'https://ds.local/'],
    ['to https, with secrets', { needsTls: true }, 'https://ds.local/', 'https://ds.local/'],
    ['without a scheme', {}, '//ds.local:81/x', 'http://ds.local:81/x'],
    ['from https to http where only a digest matters', secure, 'http://ds.local/', 'http://ds.local/'],
    ['from far to far', far, 'https://cdn.example/x', 'https://cdn.example/x'],
    ['from far to a private address', far, 'http://10.9.9.9/x', 'http://10.9.9.9/x'],
    [
      'inside, where it was allowed',
      { ...far, allowsInternal: true },
      'http://127.0.0.1/',
      'http://127.0.0.1/',
    ],
    ['from loopback to loopback', at('http://127.0.0.1:1/'), 'http://127.0.0.1:2/', 'http://127.0.0.1:2/'],
    ['from localhost to loopback', at('http://localhost:1/'), 'http://[::1]:2/', 'http://[::1]:2/'],
  ])('%s', (_, facts, location, expected) => {
    expect(decideRedirect(location, { ...local, ...facts })).toEqual({
      kind: 'follow',
      url: new URL(expected),
    });
  });
});

describe('a redirect is refused', () => {
  test.each<[string, Partial<RedirectFacts>, string, string]>([
    ['to another local host', {}, 'http://other.local/', 'itself only'],
    ['to a host whose name holds ours', {}, 'http://my-ds.local/', 'itself only'],
    ['to a host below ours', {}, 'http://x.ds.local/', 'itself only'],
    ['to another address', {}, 'http://10.1.0.6/', 'itself only'],
    ['out of the link', {}, 'http://far.example/', 'itself only'],
    ['to this host', {}, 'http://127.0.0.1/', 'itself only'],
    ['to another scheme', {}, 'ftp://ds.local/', 'no http or https URL'],
    ['to a file', {}, 'file:///etc/passwd', 'no http or https URL'],
    ['to nothing', {}, 'http://', 'no http or https URL'],
    ['with a password', {}, 'http://a:b@ds.local/', 'user name or password'],
    ['too often', { followed: 5 }, '/x', 'more than 5'],
    ['down, with secrets', { ...secure, needsTls: true }, 'http://ds.local/', 'in play'],
    ['down, unverified', { ...secure, isDigestKnown: false }, 'http://ds.local/', 'no --sha256'],
    ...[
      '127.0.0.1',
      '127.9.9.9',
      '2130706433',
      '0x7f.1',
      '0.0.0.0',
      '169.254.169.254',
      '100.100.100.200',
      '168.63.129.16',
      'localhost',
      'a.localhost',
      'metadata.google.internal',
      '[::1]',
      '[::]',
      '[fe80::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:a9fe:a9fe]',
      '[fd00:ec2::254]',
      '[64:ff9b::7f00:1]',
      '224.0.0.251',
    ].map((host): [string, Partial<RedirectFacts>, string, string] => [
      `from far to ${host}`,
      far,
      `http://${host}/`,
      '--allow-internal-redirects',
    ]),
  ])('%s', (_, facts, location, reason) => {
    expect(decideRedirect(location, { ...local, ...facts })).toEqual({
      kind: 'refuse',
      why: expect.stringContaining(reason),
    });
  });
});

test.each<[string, string, boolean]>([
  ['http://ds.local/a', 'http://ds.local/b', true],
  ['http://ds.local/a', 'http://10.1.0.5/b', true],
  ['http://ds.local/a', 'http://ds.local.:80/b', true],
  ['http://ds.local/a', 'https://ds.local/b', false],
  ['http://ds.local/a', 'http://ds.local:8080/b', false],
  ['http://ds.local/a', 'http://10.1.0.6/b', false],
  ['http://ds.local/a', 'http://my-ds.local/b', false],
])('a credential for %s goes to %s: %s', (asked, next, expected) => {
  expect(isSameOrigin(new URL(next), new URL(asked), 'ds.local', '10.1.0.5')).toBe(expected);
});
