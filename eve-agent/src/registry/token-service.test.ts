// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { decideTokenRequest, type TokenFacts } from './token-service.ts';

const LOCAL: TokenFacts = {
  registry: new URL('http://ds.local/'),
  address: '10.1.0.5',
  isLocal: true,
  repository: 'a/b',
  hasCredential: false,
  allowsInternal: false,
};
const HUB: TokenFacts = {
  ...LOCAL,
  registry: new URL('https://registry-1.docker.io/'),
  address: null,
  isLocal: false,
};
const SCOPE = 'scope=repository%3Aa%2Fb%3Apull';
const asks = (realm: string, facts: TokenFacts, rest = {}) => {
  const decision = decideTokenRequest({ realm, ...rest }, facts);
  return decision.kind === 'ask' ? decision.url.href : decision.why;
};

it.each([
  ['a local registry', 'http://ds.local/-/token', LOCAL, {}, `http://ds.local/-/token?${SCOPE}`],
  ['by its address', 'http://10.1.0.5:8080/token', LOCAL, {}, `http://10.1.0.5:8080/token?${SCOPE}`],
  ['another name on .local', 'http://auth.local/token', LOCAL, {}, `http://auth.local/token?${SCOPE}`],
  ['a path of its own', '/-/token', LOCAL, {}, `http://ds.local/-/token?${SCOPE}`],
  [
    'Docker Hub',
    'https://auth.docker.io/token',
    HUB,
    { service: 'registry.docker.io', scope: 'repository:library/x:pull' },
    'https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fx%3Apull',
  ],
  ['what it had before', 'https://a.io/t?account=x#y', HUB, {}, `https://a.io/t?account=x&${SCOPE}`],
  [
    'a secret over https',
    'https://auth.docker.io/token',
    { ...HUB, hasCredential: true },
    {},
    `https://auth.docker.io/token?${SCOPE}`,
  ],
  [
    'a secret of the registry itself',
    'http://ds.local/t',
    { ...LOCAL, hasCredential: true },
    {},
    `http://ds.local/t?${SCOPE}`,
  ],
])('asks %s', (_title, realm, facts, rest, url) => {
  expect(asks(realm, facts, rest)).toBe(url);
});

it.each([
  ['ftp://ds.local/token', LOCAL, 'no http or https URL'],
  ['file:///etc/passwd', LOCAL, 'no http or https URL'],
  ['http://[/', LOCAL, 'no http or https URL'],
  ['http://u:p@ds.local/token', LOCAL, 'holds a user name'],
  ['https://auth.docker.io/token', LOCAL, 'on .local only'],
  ['http://127.0.0.1/token', LOCAL, 'on .local only'],
  ['http://169.254.169.254/token', HUB, 'metadata address'],
  ['https://localhost/token', HUB, 'metadata address'],
  ['http://auth.docker.io/token', { ...HUB, hasCredential: true }, 'unencrypted'],
  ['http://auth.local/token', { ...LOCAL, hasCredential: true }, 'unencrypted'],
])('does not ask %s', (realm, facts, why) => {
  expect(asks(realm, facts)).toContain(why);
});
